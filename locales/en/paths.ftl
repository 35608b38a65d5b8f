### The answer to /path, and what a peer says of its network.

paths-none = There is no connection to { $peer } now.
paths-to = Paths to { $peer }:
paths-why = Why: { $why }
paths-upkeep = Kept open: { $upkeep }

## The head of the table, and what is in it

paths-head-path = path
paths-head-to = to
paths-head-origin = learnt as
paths-head-sent = sent
paths-head-seen = seen
paths-head-probes = probes
paths-head-heard = last heard
paths-from-socket = { $remote } from socket { $number }
paths-through-server = through the server
paths-in-use = in use
paths-works = works
paths-trying = being tried
paths-unanswered = no answer
paths-silent = fell silent
paths-never = never
paths-seconds-ago = { $time } s ago
paths-minutes-ago = { $time } min ago
paths-paragraph = { $path }, { $to }: { $state }
paths-paragraph-traffic = { $origin }, { $sent } sent, { $seen } seen
paths-paragraph-probes = { $answered }/{ $sent } probes
paths-paragraph-heard = last heard { $ago }
paths-paragraph-never = never heard
origin-host = host
origin-server-reflexive = server-reflexive
origin-port-mapped = port-mapped
origin-peer-reflexive = peer-reflexive
origin-relayed = relayed

## Why a path is in use

reason-no-path = there is no way to the peer at the moment.
reason-only-direct = it is the only direct path that answers, and direct beats the relay.
reason-fastest = of the { $of } direct paths that answer it has the shortest round trip.
reason-not-worth-moving = { $faster } is a little faster, by too little to be worth a change.
reason-promising = the peer was just heard from there, and nothing is proven yet.
reason-relay-only = --relay-only, so that the peer does not learn your address.
reason-no-direct-path = --direct-only, and no direct path answers: the relay holds the session together, and text waits.
reason-trying = the relay carries the chat while direct paths are being tried.
reason-slower-than-relay = { $remote } answers, but takes much longer than the relay.
reason-lost = the direct path fell silent. The relay carries the chat until it answers again.
reason-no-candidates = the peer has told of no address that could be tried (perhaps it runs with --relay-only).
reason-nothing-answered =
    { $count ->
        [one] nothing answers on the one direct path: a NAT or a firewall between you lets nothing in.
       *[other] nothing answers on any of { $count } direct paths: a NAT or a firewall between you lets nothing in.
    }
reason-and-punching = { $reason } { $punching }
reason-and-doctor = { $reason } p2pchat doctor says of which kind yours is.

## What is done where ports have to be guessed

punch-waiting = How the NATs give out ports is still being found out.
punch-guessing = Ports are being guessed.
punch-guessing-plan = Ports are being guessed: { $plan }, with a chance of { $chance }.
punch-resting = Ports were guessed { $rounds } times, { $packets } datagrams in all; the next time is in { $seconds } s.
punch-own-unknown = How your NAT gives out ports is not known, so nobody guesses.
punch-peer-unknown = How the peer's NAT gives out ports is not known, so nobody guesses.
punch-shared-nat = Both of you are behind one NAT, a carrier's most likely, and it lets nobody inside reach its outer address. IPv6 would help.
punch-hopeless = Your NAT's ports are { $own }, the peer's are { $peer }: guessing them has a chance of { $chance }, so nobody tries. A port that either router forwards, or IPv6, would help.
plan-fresh = fresh sockets
plan-window = the next { $width } ports
plan-birthday = { $sockets } sockets, { $probes } ports
plan-scatter = { $flows } flows from each side
ports-unknown = not known
ports-constant = the same towards everybody
ports-varying = changing in a way that is not known
ports-sequential = counted
ports-block = drawn out of a block
ports-uniform = drawn out of all

## What a peer says of its network

circumstances = { $peer } says: its ports are { $ports }; { $forwarded }; { $clock }.
circumstances-over-tcp = { $peer } says: its ports are { $ports }; { $forwarded }; the rendezvous is reached over TCP alone; { $clock }.
forwarded = the router there forwards a port
not-forwarded = no port is forwarded there
clock-agrees = the clocks agree
clock-behind = your clock is { $seconds } s behind
clock-ahead = your clock is { $seconds } s ahead

## How often something is sent so that the router keeps its mappings

upkeep-idle = a probe every { $every } s, as your router remembers what is silent for { $idle } s at least.
upkeep-unknown = a probe every { $every } s; for how long your router remembers what is silent is not known yet.
upkeep-age = { $idle } It ends every mapping after { $age } s or little more, so the chat moves to a fresh port before.
