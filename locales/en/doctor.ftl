### What p2pchat doctor has found out.

## The table: what, and how it is

doctor-rendezvous = rendezvous
doctor-the-rendezvous = the rendezvous
doctor-port-mapping = port mapping
doctor-longest = longest
doctor-clock = clock
doctor-seen-as = seen as
doctor-lets-in = lets in
doctor-ports = ports
doctor-evidence = evidence
doctor-hairpin = hairpin
doctor-keepalive = keepalive
doctor-keepalive-unknown = not known yet how often; a chat of some minutes finds it out
unknown = not known
not-tried = not tried
no-answer = no answer
doctor-udp = { $server } answers in { $time }
doctor-tcp-open = answers
doctor-tcp-tls = answers, in TLS too
doctor-tcp-refused = refused by the server
doctor-mtu = { $longest } bytes in one piece; { $needed } are needed
doctor-hairpin-yes = two hosts behind it reach each other by their outer addresses
doctor-hairpin-no = not seen
mapping-none = none: the address is this computer's own
mapping-endpoint-independent = the same endpoint towards everybody (endpoint-independent mapping)
mapping-same-address = the same endpoint towards both ports of the server (it has one address to compare)
mapping-address-dependent = another endpoint towards each address (address-dependent mapping)
mapping-address-and-port-dependent = another endpoint towards each endpoint (symmetric; address-and-port-dependent mapping)
filtering-unknown = not known: the server has no second port that answers
filtering-endpoint-independent = everybody (endpoint-independent filtering)
filtering-address-dependent = addresses that were written to (address-dependent filtering)
filtering-address-and-port-dependent = endpoints that were written to (address-and-port-dependent filtering)
filtering-not-by-port = at least addresses that were written to, whatever their port
allocation-constant = one for each socket
allocation-varying = changing, it is not known how
allocation-sequential = counted, in steps of { $step }; { $foreign } taken by others meanwhile
allocation-block = drawn out of about { $first } to { $last }
allocation-uniform = drawn out of all
evidence-port = port { $port } by { $server }
evidence-also = { $evidence }, { $port } by { $server }
ipv6-none = this computer has no global address
ipv6-untried = there is an address; the server has none to try it with
ipv6-silent = there is an address, and the server does not answer to it
ipv6-works = reaches the server
ipv6-translated = reaches the server, through a NAT
port-mapping-off = not asked for
port-mapping-needless = not needed: this computer has a public address
port-mapping-no-router = no router to ask
port-mapping-asking = asked for, no answer yet
port-mapping-unsupported = the router speaks none of PCP, NAT-PMP and UPnP
port-mapping-refused = the router speaks { $by } and refuses
port-mapping-mapped = the router forwards { $external } ({ $by })
port-mapping-second-nat = { $mapping }, which is not where the Internet sees you: there is a second NAT

## What it means and what to do

verdict-offline = This computer has no network address. Connect it to a network first.
verdict-no-address = The name { $server } does not lead to an address. Check its spelling and this computer's name server.
verdict-unreachable = Nothing comes back from { $server }, neither over UDP nor over TCP: the server is down, its address is wrong, or this network lets nothing through. Ask whoever runs the server, or try another network.
verdict-not-listening = The computer { $server } is there, and no rendezvous answers on it over UDP: it is not running, or a firewall on the way drops UDP. Ask whoever runs the server to look with p2pchat-rendezvous ping, and to open the UDP port.
verdict-udp-blocked = This network lets no UDP through to { $server }. Over TCP the chat works, through the server and never directly; whoever runs this network can change that by letting UDP out.
verdict-no-rendezvous = What answers at { $server } is no rendezvous of p2pchat. Check the address and the port.
verdict-update-this = { $server } speaks version { $theirs } of the protocol and this program version { $ours }. Update p2pchat here.
verdict-update-server = { $server } speaks version { $theirs } of the protocol and this program version { $ours }. Update the server.
verdict-other-key = STOP: what answers at { $server } shows another key than the one that is known. Either the server was set up anew, or somebody is in between. Ask whoever runs it for its key, and only if it is the new one, give it with --rendezvous { $server }#KEY.
verdict-small-mtu = Datagrams of { $needed } bytes do not get through, and p2pchat sends such. Raise the MTU of the tunnel or VPN on the way to 1280 bytes or more.
verdict-public = This computer can be reached from everywhere: expect direct paths to everybody. There is nothing to do.
verdict-firewalled = There is no NAT, at most a firewall that lets in whom you write to: expect direct paths to almost everybody. There is nothing to do.
verdict-easy = Your NAT is easy to get through: expect direct paths to almost everybody. There is nothing to do.
verdict-mapped = Your NAT is difficult, but your router opens a port for p2pchat: expect direct paths to almost everybody. There is nothing to do.
verdict-easy-over-ipv6 = Your NAT for IPv4 is difficult, but there is none for IPv6: expect direct paths to whoever has IPv6 as well or a NAT that is easy, and the relay to others. A port that your router opens (UPnP, NAT-PMP or PCP) would help with those.
verdict-predictable = Your NAT changes ports, but in a way that can be foretold: expect direct paths to most, after a second or two over the relay. A port that your router opens (UPnP, NAT-PMP or PCP) would make it all.
verdict-block = Your NAT draws ports out of a small block, as carriers do: direct paths are found by many tries, within half a minute, while the relay carries the chat. IPv6 would help; ask your provider for it.
verdict-random = Your NAT gives each connection another port: expect direct paths to those whose NAT is easy, after some tries, and the relay to others. Let your router open ports (UPnP, NAT-PMP or PCP), or use IPv6.
verdict-unclear = UDP works, but { $server } has no second port that answers, so nothing can be said about your NAT. Whoever runs the server can open the next UDP port too (discovery = true).

## doctor --peer

doctor-no-session = There is no session with them after { $seconds } seconds.
doctor-peer-offline = { $peer } is offline. Let p2pchat run there, and try again.
