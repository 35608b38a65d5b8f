### What the program says about what happens. One sentence, one line: a line break here is a line
### break there. `$count` is a number, everything else is text as it is to be shown.

## Joining

# Between the parts of a list.
and = {" and "}
# Between parts of a sentence.
comma = {", "}

## Coming and going

registered = You are { $me }, reachable at { $mapped }. To talk to you: p2pchat --peer { $me }
registered-over-tcp = You are { $me }, over TCP. To talk to you: p2pchat --peer { $me }
announced-visible = You are { $name }, without a rendezvous: whoever is in this network can see your name and call you, with p2pchat --visible --peer { $me }
announced-to-contacts = You are { $name }, without a rendezvous: contacts in this network find you. Nobody else sees who you are.
searching = Looking for { $name } in the local network.
searching-both-visible = Looking for { $name } in the local network. You have not met yet, so { $name } must be started with --visible, too.
searching-unknown = Looking for { $name } in the local network. But you have not met yet, and cannot recognise each other: for the first time start p2pchat with --visible, both of you, or meet at a rendezvous (--rendezvous HOST).
unregistered = You are logged out: nobody can call you. Open chats go on; /login brings you back.
current = Talking to { $peer }.
same-person = { $peer } and { $before } are the same person (the same key); you are talking to { $peer } now.
presence-moved = { $name }: now { $path }.
presence-here = { $name } is here, { $path }.
presence-broke = The connection to { $name } broke; it is being made again.
presence-left = { $name } left.
presence-gone = { $name } is not there any more.
no-such-name = Nobody is called { $name } at { $host }. Check the spelling; if { $name } has yet to come there for the first time, what you wrote is kept and goes out then.
key-changed = STOP: { $peer } now has another key (was { $was }…). Either { $name } moved to a new computer without the old key, or somebody pretends to be { $name }. Nothing was sent. Let { $name } read out the key that /id shows there, by voice, and compare the whole of it with this one. Only if they are the same: /trust { $name } { $key }
trusted = { $peer } has the key { $tag } from now on, and what waited goes out.
unreadable = { $peer } sent something that this version cannot read and that was left out. If it happens again, one of you should update.
unreadable-software = { $peer } sent something that this version cannot read and that was left out (their program: { $software }). If it happens again, one of you should update.
kept-offline =
    { $count ->
        [one] { $name } is offline. Your line is kept on this computer and will go out when { $name } is back (you may leave; both of you must be here at the same time).
       *[other] { $name } is offline. { $count } lines are kept on this computer and will go out when { $name } is back (you may leave; both of you must be here at the same time).
    }
kept-connecting =
    { $count ->
        [one] Your line is kept until { $name } is connected; that is under way.
       *[other] { $count } lines are kept until { $name } is connected; that is under way.
    }
leaving =
    { $count ->
        [one] 1 line is not delivered yet. It is kept on this computer and goes out when you and whoever it is for are here at the same time.
       *[other] { $count } lines are not delivered yet. They are kept on this computer and go out when you and whoever they are for are here at the same time.
    }
identity = You are { $names }. Your key: { $key }
identity-nameless = You have no name at { $hosts } yet; /login NAME gives you one. Your key: { $key }
identity-local = You are { $name } in the local network. Your key: { $key }
identity-nowhere = You have no name yet; /login NAME gives you one. Your key: { $key }

## The rendezvous. `$server` is one of the first two

rendezvous = rendezvous
rendezvous-at = rendezvous { $host }
over-tcp = No answer over UDP; TCP works. Everything goes over TCP and the relay, sealed as ever, until UDP gets through, which is tried by itself.
over-udp = UDP gets through again.
over-tcp-at = The rendezvous { $host } does not answer over UDP; TCP works. What goes through it takes that way, sealed as ever, until UDP gets through, which is tried by itself.
over-udp-at = The rendezvous { $host } answers over UDP again.
register-name-taken = The name { $name } belongs to somebody else at the { $server }, so nobody can call you there. Choose another one with --name NAME or /login NAME. If it is yours, use the profile that claimed it (--data-dir).
register-confusable = The { $server } does not give out the name { $name }: it can be taken for one that somebody else has, or mixes letters of several scripts. Choose another one with --name NAME or /login NAME.
register-busy = The { $server } is too busy to register { $name }. Trying again by itself.
register-storage = The { $server } could not write the name { $name } to its disk. Trying again by itself; if it goes on, tell whoever runs the server.
register-refused = The { $server } does not register { $name } now. Trying again by itself.
connect-no-such-name = Nobody is called { $name } at { $host }.
connect-offline = { $peer } is offline.
connect-other-key = The name { $peer } belongs to another key than the one you know. Nothing was sent.
connect-not-registered = The rendezvous introduces only those who are registered, and you are not (yet): { $peer } was not called. Trying again by itself.
connect-busy = The rendezvous is too busy to introduce you to { $peer }. Trying again by itself.
trouble-unreachable = The { $server } cannot be reached: { $cause }. Trying again by itself; { $meanwhile }.
trouble-others = others do its work
trouble-nearby = chats that are open go on, and contacts in this network are still found; new ones with anybody else have to wait
trouble-alone = chats that are open go on, new ones have to wait
trouble-update-this = The { $server } speaks version { $version } of the protocol, this program version { $ours }. This program must be updated.
trouble-update-server = The { $server } speaks version { $version } of the protocol, this program version { $ours }. The server must be updated.
trouble-key-changed = STOP: the { $server } has another key than before (was { $was }…). Either it was set up anew, or somebody stands between you and it. Nothing was sent. Ask whoever runs it; if this is the whole of the new key, name it once: --rendezvous HOST#{ $key }
trouble-same-as = The { $server } is the same server as { $other }, which goes on. Name only one of the two.
trouble-same-as-another = another one

## Why it cannot be reached

cause-silence = no answer, neither over UDP nor over TCP. This network lets neither through to it, or the server is down
cause-silence-at = no answer from { $server }, neither over UDP nor over TCP. This network lets neither through to it, or the server is down
cause-unresolved = the name { $host } does not resolve ({ $why }). Check the spelling and this computer's network
cause-no-address = the name { $host } has no address. Check the spelling and this computer's network
cause-no-name-server = no name server answered within { $seconds }s for { $host }. Check the spelling and this computer's network

## Paths in a few words

path-unknown = on a path not known yet
path-lan = direct in the local network
path-direct = direct
path-direct-v6 = direct over IPv6
path-relay = over the relay
path-relay-tcp = over the relay (by TCP)
path-with-time = { $path }, { $time }

## Why something typed was not done

problem-unknown-command = There is no command /{ $typed }; nothing was sent. /help lists them all. (A text that begins with a slash: //{ $typed })
problem-unknown-command-nearest = There is no command /{ $typed }; nothing was sent. Did you mean /{ $nearest }? (A text that begins with a slash: //{ $typed })
problem-usage = Usage: /{ $command } { $usage } - { $help }
problem-bad-name = { $typed } is no name: { $why }.
problem-other-host = { $typed } is at another rendezvous than { $host }, where you are. Start another p2pchat with --peer { $typed } to talk there.
problem-unknown-recipient = You know nobody called { $name }, so this may have been meant as text; nothing was sent. To write to { $name }: /msg { $name } TEXT
problem-ambiguous = You know { $names }. Say which one you mean; nothing was sent.
problem-no-recipient = To whom? Say /msg NAME TEXT, or NAME||TEXT; nothing was sent.
problem-whose-path = The path to whom? Say /path NAME; /who shows who is there.
problem-nobody-here = Nobody is connected, so nothing was sent. /who shows who is there.
problem-yourself = That is your own name; nothing was done.
problem-no-such-line = There is no such line; nothing was sent.
problem-not-yours = Only who wrote a line can edit or delete it; nothing was sent.
problem-deleted = That line is deleted; nothing was sent.
problem-not-a-reaction = A reaction is one character or one emoji; nothing was sent.
problem-nothing-said = There is no text; nothing was sent.
problem-no-text = There is no text to put in its place; /delete takes a line back.
problem-too-long = A line has at most 64 KiB; nothing was sent. Send it in parts.
problem-reference-too-long = A ref has at most 256 bytes; nothing was sent.
problem-key-changed = The key of { $peer } has changed (was { $was }…); nothing is sent until you compare the whole new one by voice and say /trust { $peer } { $key }
problem-nothing-to-trust = The key of { $peer } has not changed; there is nothing to trust anew.
problem-wrong-key = { $typed } is not how the key begins that was offered (that is { $offered }). Compare again; nothing was changed.
problem-not-a-command = That is no command. /help lists them.
problem-no-name = You have no name yet: /login NAME first; nothing was sent.

## Why a text is no name

name-empty = a name needs at least one letter or digit
name-too-long = a name has at most { $bytes } bytes (64 Latin letters, 21 Chinese characters)
name-character = a name has letters, digits, '-', '_' and '.', and starts with a letter or digit; { $character } does not fit
name-mark = a name cannot have { $character } without a letter before it: that mark is part of a letter

## Why the disk did not do something

store-full = The disk with { $path } is full, so this was not kept. Make room on it; what others sent meanwhile comes again by itself.
store-corrupt = The database { $path } is damaged. Put a backup in its place, or move it away to begin with an empty one; your identity is in another file.
store-other = The database { $path } could not be used: { $cause }.

## Lists

who-empty = Nobody is here. /msg NAME TEXT writes to somebody who comes later.
contacts-empty = You know nobody yet. /msg NAME TEXT, or p2pchat --peer NAME@HOST.
found-nothing = No line says that. Words are found by how they begin.
history-empty = Nothing was said yet.
history-me = me>{ $name }
history-undelivered = (not delivered yet)
waiting = { $count } waiting
unread = { $count } unread
stopped = STOPPED: now claims the key { $key }, see /trust
no-key = no key yet
verified = verified
state-offline = offline
state-registered = registered
state-connecting = connecting
state-waiting = waiting
state-connected = connected

## A person's terminal

prompt-nobody = (nobody yet)>
delivered =
    { $count ->
        [one] ✓ delivered to { $name }
       *[other] ✓ { $count } lines delivered to { $name }
    }
sent-unconfirmed = ^ sent to { $name }, not confirmed yet
to-all = (to all)
seen-before = (perhaps seen before)
written-at = (written { $time })
arrived-at = (arrived { $time })
not-sent = ! Not sent: { $why }

## What is done to a line. `$line` is one of the first four; `$text` is how the line begins

quote = "{ $text }"
quote-yours = your "{ $text }"
quote-of = { $name }'s "{ $text }"
quote-deleted-of = a deleted line of { $name }'s
quote-hidden-of = a line of { $name }, whom you do not want to hear
quote-deleted = a deleted line
quote-deleted-yours = your deleted line
said-to = (to { $line })
said-to-unknown = (to a line that is not here)
said-edited = (edited { $line })
said-edited-unknown = (edited a line that is not here)
said-deleted = (deleted the line of { $time })
said-deleted-unknown = (deleted a line that is not here)
said-reacts = (reacts to { $line })
said-reacts-unknown = (reacts to a line that is not here)
said-unreacts = (takes back the reaction to { $line })
done-to = to { $line }
done-edited = edited { $line }
done-deleted = deleted { $line }
done-reacted = reacted to { $line }
done-unreacted = took back the reaction to { $line }
line-deleted = (deleted)
line-withdrawn = (withdrawn)
line-edited = (edited)
detached = The chat goes on in the background. p2pchat comes back to it, p2pchat hold --end ends it.
link-opened = Opening { $link }
problem-no-such-link = There are not so many links in this conversation.
problem-no-desktop = There is no desktop here that could open it. The address is { $link }
problem-not-detachable = The chat cannot go on without this terminal: no other program can use this profile at the same time.
problem-not-detached = The chat could not be given to the background, and goes on here: { $cause }
problem-not-opened = { $link } could not be opened: { $cause }
