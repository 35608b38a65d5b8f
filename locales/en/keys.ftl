### The keys of the terminal interface: `key-NAME`, where NAME is the word for it in the section [keys] of
### the configuration. The manual page says the same. `keys-to` is the first and the last of several keys in a row.

key-send = send
key-newline = begin another line in the same message
key-complete = complete a name, a command or a path; again: the next one
key-complete-back = the one before
key-editor = go on writing in $VISUAL or $EDITOR
key-up = one row up; from the first, what was sent before
key-down = one row down; from the last, what was sent after
key-left = one character to the left
key-right = one character to the right
key-word-left = one word back
key-word-right = one word forward
key-line-start = to the beginning of the line
key-line-end = to the end of the line; from there, to the newest message
key-delete-back = delete the character before
key-delete-forward = delete the character behind; with nothing written, Ctrl+D leaves
key-delete-word-back = delete the word before
key-delete-word-forward = delete the word behind
key-delete-to-start = delete up to the beginning of the line
key-delete-to-end = delete up to the end of the line
key-yank = insert what was deleted last by words or lines
key-undo = take the last change back
key-redo = make it again
key-next-conversation = the next conversation
key-previous-conversation = the conversation before
key-next-unread = the next conversation with something unread
keys-to = { $first } to { $last }
key-conversation = go to the conversation with that number
key-page-up = back in what was said
key-page-down = forward
key-bottom = to the newest message
key-search = search in what was said
key-help = show the keys and the commands
key-sidebar = show or hide the conversations
key-members = show or hide the members of a room
key-cancel = close what is open
key-redraw = draw everything again
key-interrupt = clear what is written; twice: leave
key-suspend = back to the shell; fg returns

## Pastes. The letters in brackets are keys.

paste-lines =
    { $count ->
        [one] { $count } long line pasted: [m] one message  [l] as lines  [e] edit  [d] drop
       *[other] { $count } lines pasted: [m] one message  [l] as lines  [e] edit  [d] drop
    }
paste-too-long =
    { $count ->
        [one] { $count } line pasted, too long with what is written: [l] alone  [d] drop
       *[other] { $count } lines pasted, too long for one message: [l] as lines  [d] drop
    }

paste-hopeless =
    { $count ->
        [one] { $count } line pasted, too long for a message: [d] drop
       *[other] { $count } lines pasted, one of them too long for a message: [d] drop
    }

## Notifications

notify-count =
    { $count ->
        [one] an unread message
       *[other] { $count } unread messages
    }
notify-name = { $name } wrote to you
notify-text = { $name }: { $text }
