### What /help says about each command: `command-WORD`, and in `.usage` its arguments.

command-msg = write to NAME; without TEXT, talk to NAME from now on
    .usage = NAME [TEXT]
command-connect = talk to NAME from now on
    .usage = NAME
command-say = write to everybody who is connected
    .usage = TEXT
command-me = say what you do: /me waves
    .usage = TEXT
command-reply = answer the last line of the other side, or the line N counted back from the newest (1)
    .usage = [N] TEXT
command-who = show who is here
command-path = show how we are connected
    .usage = [NAME]
command-history = show the last N lines
    .usage = [NAME] [N]
command-contacts = show everybody we know, and their keys
command-trust = believe this key, after comparing the whole of it with NAME by voice
    .usage = NAME KEY
command-login = be reachable under NAME
    .usage = NAME
command-logout = stop being reachable, and end all conversations
command-id = show our own name and key
command-help = show this list
command-quit = leave; what is undelivered stays on this computer
