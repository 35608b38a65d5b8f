### Files that people give each other.

line-file = file: { $file } ({ $size })
line-folder = folder: { $file } ({ $size })
folder-amount = { $count ->
        [one] 1 file
       *[other] { $count } files
    }, { $size }
file-examining = reading it, { $part }
file-offered = { $file } ({ $size }) is offered to { $name } and goes as soon as { $name } accepts it and you both are there. /cancel { $number } takes it back.
file-offered-to-us = { $name } offers you { $file } ({ $size }). Type /accept { $number } to take it, /cancel { $number } not to.
file-wanted = { $name } takes { $file }.
file-accepted = { $file } comes as soon as { $name } is there. /cancel { $number } takes that back.
file-given = { $name } has { $file }.
file-received = The file from { $name } is here, whole and unchanged: { $path }
folder-received = The folder from { $name } is here, whole and unchanged: { $path }
folder-left-out = Links, pipes and devices do not go with { $file }: { $count ->
        [one] 1 is
       *[other] { $count } are
    } left out.
file-not-wanted = { $name } does not want { $file }.
file-declined = { $file } is declined, and { $name } is told so.
file-taken-back = { $file } is not offered to { $name } any more.
file-taken-back-by-them = { $name } has taken { $file } back.
file-changed = { $file } is not what it was when you offered it to { $name }, so it was taken back. /send offers it as it is now.
file-changed-there = { $file } has changed where { $name } has it, so it does not come. { $name } can offer it again.
file-gone = { $file } is not where it was, or cannot be read, so { $name } cannot have it. /send offers it from where it is now.
file-gone-there = { $file } is not there any more where { $name } had it, so it does not come.
file-stalled = { $file } does not go on: { $why } What has come stays, and goes on with the next connection, or with /accept { $number }.
file-problem-gone = There is no file { $path }.
file-problem-no-file = { $path } is not a file.
file-problem-too-large = It has { $size }; 1 TiB is the most that a file can have here.
file-problem-too-much = There is too much in the folder { $path }: 200000 files and folders, 64 folders in each other and 1024 bytes in all names that lead to a file are the most.
file-problem-changed = { $path } is not what it was.
file-problem-wrong = What came is not what was offered.
file-problem-wrong-folder = What came of the folder does not say what is in it.
file-problem-no-room = It needs { $needed } more, and { $free } are free in { $path }. Make some room, or /accept it again to begin all the same: what is empty in it takes none.
file-problem-full = The disk or the quota is full ({ $path }: { $cause }). Make some room.
file-problem-busy = Another program is taking the same file in ({ $path }).
file-problem-not-open = The disk has not begun with it.
file-problem-other = { $path }: { $cause }.
file-path-no-text = The name of the file { $path } is no text, and the other side could not be told it.
files-none = No files are offered. /send PATH offers one.
files-unknown = The program of { $name } does not know files. What you offer stays here, and goes when { $name } has a newer one.
folders-unknown = The program of { $name } does not know folders and shows only the name. /cancel takes it back; an archive of it goes as a file.
files-to = to { $name }
files-from = from { $name }
file-stage-offered = offered
file-stage-accepted = accepted, waits for the other side
file-stage-done = done
file-stage-declined = declined
file-stage-withdrawn = taken back
problem-no-such-file = There is no such file to be accepted or cancelled; /files shows those there are.
problem-files-in-rooms = Files go to one person, not to a room. /msg NAME opens a conversation in which /send works.
problem-file = { $why } Nothing was done.
file-rule-ask = You are asked about each file that { $name } offers.
file-rule-never = Files that { $name } offers are declined from now on, and { $name } is told so.
file-rule-up-to = Files that { $name } offers are accepted from now on, those up to { $size }. They go where downloads go, and no file that is there is replaced.
limit-no-files = no files
limit-files-up-to = files up to { $size }
