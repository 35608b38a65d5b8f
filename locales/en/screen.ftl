## The screen

screen-too-small = at least { $size }
screen-unread = unread
screen-new = { $count } new
screen-unsent = { $count } unsent
screen-earlier =
    { $count ->
        [one] (and one change before)
       *[other] (and { $count } changes before)
    }
screen-deleted = (deleted)
screen-hidden = (ignored)
screen-withdrawn = (withdrawn)
screen-not-here = (a line that is not here)
screen-edited = (edited)
screen-typing = { $name } is typing
screen-late = (written { $written }, arrived { $arrived })
screen-leave = Ctrl+C again leaves.
screen-leave-unsent =
    { $count ->
        [one] 1 line is not delivered; it is kept. Ctrl+C again leaves.
       *[other] { $count } lines are not delivered; they are kept. Ctrl+C again leaves.
    }
screen-help-writing = While writing
screen-help-screen = Anywhere
screen-help-commands = Commands
screen-close = Esc closes this.
screen-search = search:{" "}
screen-found =
    { $count ->
        [0] Nothing found. Esc closes this.
        [one] 1 line found. Enter goes there, Esc closes this.
       *[other] { $count } lines found. Up and Down choose, Enter goes there, Esc closes this.
    }
screen-full = A message has at most 64 KiB.
screen-no-edit = The editor gave nothing back. What you had written is still here.
screen-no-editor = There is no editor called { $editor }. What you had written is still here. EDITOR=nano p2pchat, or whichever editor you have, opens that one.
screen-edit-undone = { $editor } says that it failed (exit code { $code }), so what you had written stands as it did.
screen-edit-failed = It could not be given to an editor: { $why }. What you had written is still here.

## How we are reached

reach-connecting = connecting
reach-here = here
reach-tcp = over TCP
reach-local = local
reach-out = logged out
reach-refused = refused
reach-lost = no server

## The way that lines take

way-lan = lan
way-direct-v4 = direct v4
way-direct-v6 = direct v6
way-relay = relay
