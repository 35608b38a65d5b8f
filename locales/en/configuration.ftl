### What can stand in config.toml: `setting-KEY`, with hyphens for the dots of the key. The template, the manual page
### and docs/using.md say the same.

setting-name = my name, claimed at the rendezvous at first use
setting-rendezvous = servers where I am reachable, at most four
setting-language = the language of the interface: "en" or "zh"
setting-downloads = the folder in which accepted files are put; if it is left out, where the desktop has downloads
setting-network-bind = the local UDP address
setting-network-port-mapping = whether the router is asked to forward a port (PCP, NAT-PMP, UPnP)
setting-network-lan = who may find me in the local network: "off", "contacts" or "everybody"
setting-network-paths = which paths are allowed: "any", "relay-only" or "direct-only"
setting-network-congestion = how fast a path is filled: "bbr" goes by its bandwidth, "cubic" by what it loses
setting-contacts-strangers = what becomes of callers whom I do not know: "request", "accept" or "refuse"
setting-ui-theme = "dark", "light", "mono", or the name of a table [themes.NAME]
setting-ui-symbols = what marks are made of: "unicode" or "ascii"
setting-ui-ambiguous = cells of characters that are wide in East Asian fonts, 1 or 2; from the locale if left out
setting-ui-sidebar = whether the list of conversations is shown from 90 columns up
setting-ui-notify = what a notification tells: "none", "count", "name" or "text"
setting-ui-mouse = whether the wheel scrolls; the terminal's own selection then needs Shift

## p2pchat config template, and p2pchat config show

template-example = for example: { $line }
from-option = option
from-file = file
from-default = default

## What is wrong in it, and where. `$what` is one of the sentences below

mistake = {"  "}{ $what }
mistake-at = {"  "}line { $line }: { $what }
mistake-in = { $place }: { $what }

## What is no TOML, and what is no key

wrong-syntax = this is no TOML: { $error }
wrong-unknown = there is no setting { $key }
wrong-unknown-nearest = there is no setting { $key }; did you mean { $nearest }?

## What the value of a key is to be

wrong-text = { $key } is a text in quotation marks
wrong-texts = { $key } is a list of texts, such as ["a", "b"]
wrong-switch = { $key } is true or false
wrong-choice = { $key } is one of { $words }
wrong-cells = { $key } is 1 or 2
wrong-socket = { $key } is no address such as "0.0.0.0:40000"
wrong-name = { $key } is no name: { $why }
wrong-rendezvous = { $key } names no rendezvous: { $why }
wrong-servers = { $key } names more than { $most } servers
wrong-chords = { $key } is a key such as "ctrl+f", a list of keys, or "" for none
wrong-colours = { $key } is a table of colours
wrong-colour = { $key } is a colour such as "cyan" or "#88c0d0"
wrong-table = { $key } is a table

## Why a text is no address, in the middle of a sentence

address-no-host = the host is missing: write HOST or HOST:PORT, such as chat.example.org
address-host = { $character } cannot be part of a host name
address-brackets = an IPv6 address is written in brackets: [2001:db8::1] or [2001:db8::1]:3478
address-port = a port is a number from 1 to 65535
address-key = behind '#' stands the key of the rendezvous: a key has 52 letters and digits (a-z, 2-7)

## Keys to press

chord-unknown-action = there is no action "{ $name }"
chord-unknown-action-nearest = there is no action "{ $name }"; did you mean "{ $nearest }"?
chord-bad = "{ $chord }" cannot be the key of { $action }: { $why }
chord-conflict = { $chord } would be both { $first } and { $second }; give one of them another key
chord-begins = { $chord } ({ $action }) begins { $longer } ({ $other }), which could never be pressed
chord-empty = a key is missing in it
chord-unknown-key = no key is called "{ $name }"
chord-unknown-modifier = "{ $name }" is none of ctrl, alt and shift
chord-same-byte = terminals cannot tell { $one } from { $other }
chord-writes = "{ $chord }" is something to write
chord-too-long = it has more than two keys

## Themes

theme-unknown = there is no theme "{ $name }"; there are { $known }
theme-unknown-part = nothing is called "{ $part }"
theme-unknown-part-nearest = nothing is called "{ $part }"; did you mean { $nearest }?
theme-bad-style = "{ $word }" is no colour; write cyan, #88c0d0 or 110, with bold, dim, italic, underlined or reversed before it and "on COLOUR" behind it

## The manual page. What stands between back quotes is typed

man-name = NAME
man-synopsis = SYNOPSIS
man-description = DESCRIPTION
man-extra = EXTRA
man-version = VERSION
man-commands = COMMANDS IN THE CHAT
man-keys = KEYS
man-keys-intro = Of the terminal interface. Each can be changed in the table `[keys]` of the configuration file, under the word in parentheses.
man-settings = CONFIGURATION FILE
man-settings-intro = Where it is, `p2pchat config path` tells. An option comes before it. Other keys stand in a table `[keys]`, colours in `[themes.NAME]`.
man-example = , for example{" "}
