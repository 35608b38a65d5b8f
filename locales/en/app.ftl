### What the program says of itself, at its start, at its end and in the demo.

ask-name = Your name (others call you by it):{" "}
serving = A rendezvous runs in this process, on UDP port { $port }. Others come with --rendezvous HOST:{ $port }#{ $key } where HOST is this machine's public name or address.
hold-runs-already = A chat runs on this profile already; it goes on as it is.
hold-not-known-yet = The chat runs in the background; no server has answered yet. p2pchat status tells how it stands.
hold-none-to-end = No chat runs on this profile.
input-too-long = A line of input was too long and was left out.
interrupted-once = Ctrl+C again, Ctrl+D or /quit to leave.

## p2pchat id

id-name = name
id-key = key
id-rendezvous = rendezvous
id-its-key = its key
id-passphrase = passphrase
id-passphrase-set = needed to read this profile
id-not-chosen = not chosen yet
overview-chat = chat
overview-running = runs
overview-not-running = does not run
overview-registered = { $server } (registered)
overview-not-registered = { $server } (not registered)
overview-room-waiting = waiting to be let in
overview-request = wants to talk to you: /accept or /reject in the chat

## The demo

demo-welcome = This is a demo on your computer alone: a rendezvous on { $address }, a peer called echo, and you. Say something; /path shows how you are connected, /help what else there is, /quit ends it.
demo-listens = a rendezvous listens on { $address }
demo-echo-registered = echo, another peer, is registered there
demo-registered = registered as { $me }; the server sees us at { $mapped }
demo-introduced = introduced to echo; the handshake runs over the relay and directly
demo-connected = connected to echo { $path }
demo-connected-to = connected to echo { $path } to { $remote }
demo-moved = now { $path }
demo-moved-to = now { $path } to { $remote }
demo-done-direct =
    { $count ->
        [one] 1 line was sent, delivered and echoed; the path is direct
       *[other] { $count } lines were sent, delivered and echoed; the path is direct
    }
demo-done-relay =
    { $count ->
        [one] 1 line was sent, delivered and echoed; no direct path was found, so the relay carried them
       *[other] { $count } lines were sent, delivered and echoed; no direct path was found, so the relay carried them
    }
