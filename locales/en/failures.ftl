### Why nothing came of it. Most follow "p2pchat: ", so they begin in lower case.

as-it-is = { $text }
terminal-unusable = the terminal cannot be used: { $error }; try --plain
terminal-closed = the terminal cannot be used: { $error }
input-unreadable = the input could not be read: { $error }
no-home-for-data = this computer does not say where your home directory is; name a place with --data-dir DIR
no-home-for-config = this computer does not say where your home directory is; name a file with --config FILE
no-signals = signals cannot be received: { $error }
no-socket = no UDP socket could be opened: { $error }
no-socket-on = no UDP socket could be opened on { $address }: { $error }
no-files-thread = no thread for files could be started: { $error }
no-randomness = the operating system gives no random numbers: { $error }
no-runtime = the system refuses what a network program needs: { $error }
no-rendezvous-started = no rendezvous could be started: { $error }
home-unusable = { $path } cannot be used: { $error }. Choose another folder with --data-dir
home-in-use = { $path } is in use by another rendezvous. Stop it, or choose another folder with --data-dir
home-bad-key = { $path } holds no key: it should have 64 digits (0-9, a-f). Restore a backup; without it the server gets a new key, and everybody who pinned the old one is warned
not-written = what was asked for could not be written: { $error }

## The command line

config-no-name = no name yet, so nobody could call you. Choose one with --name NAME (or P2PCHAT_NAME); it is remembered
config-no-rendezvous = no rendezvous is known yet. Name one with --rendezvous HOST, call somebody with --peer NAME@HOST, or run your own with --serve; it is remembered. To meet somebody in the local network without one, start p2pchat with --visible, both of you
config-no-lan = { $name }@{ $host } is somebody in the local network, which --no-lan and --relay-only leave alone
config-too-many-servers = { $servers } rendezvous servers are named; { $most } can be used at the same time
config-two-keys = two keys are given for the rendezvous { $host }; it can prove only one

## The configuration file

file-missing = { $path } does not exist; everything is as the program has it.
file-in-order = { $path } is in order.
file-silent = { $path } does not settle { $key }.
file-unreadable = { $path } cannot be read: { $error }
file-unwritable = { $path } cannot be written: { $error }
file-too-long = { $path } is longer than { $limit } KiB
file-mistaken = { $path } is not in order:
file-correct-it = Correct it, or try another file with --config FILE.
not-settled = not settled

## The profile

profile-busy = Another p2pchat is using the profile in { $path }. Close it first, or choose another profile with --data-dir.
profile-readable = Other users of this computer may read { $path }, which holds your secret identity. If nobody has, run `chmod 600 { $path }` and start again; if somebody may have, move it away, and a new identity is made.
profile-bad-identity = { $path } is no identity: it should hold 32 bytes. Put your backup of it there, or move it away, and a new identity is made, with which your contacts do not know you.
profile-has-identity = { $path } is an identity already, and nothing was changed. Restore the other one into a profile of its own with --data-dir DIR, or move this one away first.
profile-sealed = The profile in { $path } is sealed with a passphrase.
profile-unclean = The profile in { $path } is sealed, but another p2pchat was reading it, so that its file may still hold something of before. The next start removes that.
profile-unreadable = Could not read { $path }: { $error }.
profile-unwritable = Could not write { $path }: { $error }.
profile-uncreatable = Could not create { $path }: { $error }.
profile-unlockable = Could not lock { $path }: { $error }.
profile-unremovable = Could not remove { $path }: { $error }.
profile-unusable = Could not use { $path }: { $error }.
profile-older = { $path } was written by an older p2pchat. Start p2pchat once, which brings it up to date, and try again.
profile-newer = { $path } was written by a newer p2pchat (its format is { $found }, this one knows { $known }). Nothing was changed; use the newer program.
profile-no-randomness = The operating system gave no random numbers, so no identity could be made.

## For scripts

contacts-no-room = { $room } is a room, and rooms are not among the contacts; in the chat, /rooms and /members tell of it
hold-not-started = the chat could not be started in the background: { $error }
ask-no-text = there is no question: write it behind the name
send-no-text = there is no text: name it behind --to NAME, or write it to the standard input
send-too-long = a message has { $most } bytes at most
pipe-busy = another recv --file waits for the same
pipe-failed = { $path }: { $error }
pipe-twice = the standard input can be only one file
ask-empty-choice = a choice is empty: give each a name, as in --choices yes,no
ask-same-choices = two choices are the same for whoever answers: { $choice }
ask-unanswered = No answer came in time. The question has left; an answer that comes later is a line like any other.
recv-time-up = { $received } of { $count } came in time. What comes later is for the next recv.
recv-file-time-up = No file was offered in time. One that is offered later waits for the next recv --file, or for /accept.
ask-too-many-choices = a question has { $most } choices at most

## Where another process has the profile

attach-joined = A p2pchat runs on this profile, and you have joined it. Ctrl+D leaves it and does not end it.
attach-version = the p2pchat that is using this profile is of another version. Close it where it runs (/quit), or end its process, and start this one again
attach-full = { $guests } programs have joined the p2pchat that is using this profile, and no more can
attach-other-name = the p2pchat that is using this profile is called { $name }. Say --name { $name }, say nothing of a name, or choose another profile with --data-dir
attach-other-options = a p2pchat is using this profile already, and runs without { $options }: the options of the first one count for all. Leave them out to join it, or end it with p2pchat hold --end and start this one again
attach-slow = this program read too slowly what the p2pchat that is using the profile had to say, and was sent away; what was sent is sent
attach-nonsense = the p2pchat that is using this profile could make nothing of what this program said
attach-broken =
    { $count ->
        [0] the p2pchat that was using this profile has ended without a word. Nothing of what was said here was confirmed: the history shows what was kept
        [one] the p2pchat that was using this profile has ended without a word. The first line of what was said here is kept, nothing after it was confirmed: the history shows what was kept
       *[other] the p2pchat that was using this profile has ended without a word. The first { $count } lines of what was said here are kept, nothing after them was confirmed: the history shows what was kept
    }

## The passphrase

passphrase-ask = Passphrase of { $path }:{" "}
passphrase-ask-new = New passphrase:{" "}
passphrase-ask-again = The same again:{" "}
passphrase-wrong = That is not the passphrase. Try again.
passphrase-wrong-again = that was not the passphrase either; after { $tries } tries nothing was done and nothing was changed
passphrase-wrong-in-file = the first line of { $path } is not the passphrase of this profile; nothing was changed
passphrase-needed = the profile in { $path } is sealed, and nobody is here to type its passphrase. Start p2pchat on a terminal, or write the passphrase to a file that only you may read and name that in { $variable }
passphrase-not-given = no passphrase was given; nothing was changed
passphrase-file-unreadable = the passphrase could not be read from { $path }: { $error }
passphrase-file-open-to-others = other users of this computer may read { $path }, which holds a passphrase. Run `chmod 600` on it if nobody has, and choose another passphrase if somebody may have
passphrase-file-empty = { $path } holds no passphrase: its first line is empty
passphrase-set-needed = nobody is here to type a passphrase. Start p2pchat on a terminal, or name a file that only you may read with --from FILE; its first line becomes the passphrase
passphrase-short = a passphrase has { $least } characters at least; several words are easier to remember than a difficult one
passphrase-differs = these were two different ones; nothing was changed
passphrase-is-set = A passphrase is needed to read the profile in { $path }.
passphrase-is-not-set = No passphrase is needed to read the profile in { $path }: whoever may read its files can. `p2pchat passphrase set` changes that.
passphrase-set = The profile in { $path } is sealed. Nobody can read it without the passphrase, and nobody can replace that: `p2pchat id words` shows what to keep on paper, to be you again if you forget it.
passphrase-changed = The profile in { $path } has another passphrase now.
passphrase-removed = The profile in { $path } is sealed no longer: whoever may read its files can read everything.

## The identity on paper

words-no-identity = there is no identity in { $path } yet
words-terminal-only = whoever reads these words can be you, so they are shown on a terminal only; --yes prints them anyway
words-warning = Whoever reads the 24 words can be you, and nobody can take them back.
words-question = Is nobody looking over your shoulder? Type yes to see them:
words-not-shown = nothing was shown
words-ask = Type the { $words } words, on one line or several:
words-restored = This profile is { $key } now. `p2pchat history import FILE` brings contacts, names and what was said; without it, choose your name again with --name.
words-count = An identity is { $words } words, and these are { $typed }.
words-unknown = Word { $place } is on neither list of words. Compare it with what you wrote down.
words-unknown-nearest = Word { $place } is on neither list of words (is it { $nearest }?). Compare it with what you wrote down.
words-mixed = The words are from two lists; all are English or all are Chinese.
words-checksum = One of the words is wrong, or two have changed places: their checksum does not match. Compare them with what you wrote down.
or = {" or "}

## The demo

demo-no-directory = no temporary directory could be made: { $error }
demo-echo-unregistered = echo could not register: { $cause }
demo-interrupted = interrupted
demo-too-long = a line of input is longer than any message may be
demo-ended = the chat ended before everything came back
demo-wrong-echo = the echo is not what was said
demo-unregistered = nothing happened for { $seconds }s: of { $sent } lines { $delivered } were delivered and { $echoed } came back; we were never registered
demo-connected-only = nothing happened for { $seconds }s: of { $sent } lines { $delivered } were delivered and { $echoed } came back; we are connected
demo-unconnected = nothing happened for { $seconds }s: of { $sent } lines { $delivered } were delivered and { $echoed } came back; we are not connected

## The history in a file, and out of one

export-no-profile = there is no profile in { $path } yet
export-unwritable = { $path } could not be written: { $error }
export-broken = The export could not be written: { $error }.
export-exists = { $path } is there already, and is not replaced
export-done = { $path } has { $lines } now.
import-unreadable = { $path } could not be read: { $error }
import-interrupted = The file could not be read: { $error }.
import-malformed = Line { $line } of the file is not what an export has there: { $problem }. Nothing was imported.
import-newer = The file was written by a newer p2pchat (its version is { $found }, this one knows { $known }). Nothing was imported.
import-no-profile = There is no profile in { $path } to take it in, and an export is of one person. Restore that person first, from the words that p2pchat id words shows on the old computer: p2pchat id restore. Nothing was imported.
import-other-identity = This is the export of { $key }, and this profile is somebody else. Restore that identity first, into an empty profile: p2pchat id restore. Nothing was imported.
import-database = The database could not be used: { $error }. Nothing was imported.
not-exported-nothing = it is empty
not-exported-too-long = it is too long
not-exported-not-utf8 = it is not UTF-8
not-exported-no-header = it does not begin with a header
not-exported-second-header = it has a second header
not-exported-text = the text is too long
not-exported-manner = the manner is unknown, or says nothing of its line
not-exported-reference = the reference is too long
not-exported-reactions = the reactions are too many or too long
not-exported-withdrawn = it was withdrawn, and nothing says from which room and why
not-exported-source = a line that came says neither from whom nor when
import-done = { $lines } and { $contacts } are new here; { $known } were here already.
import-outgoing =
    { $count ->
        [one] 1 undelivered line will go out.
       *[other] { $count } undelivered lines will go out.
    }
import-other-keys =
    { $count ->
        [one] 1 contact has another key in the file and keeps the one that it has here.
       *[other] { $count } contacts have another key in the file and keep the one that they have here.
    }
keep-forever = Lines are kept for good.
keep-days = Lines are kept for { $days }. What is undelivered, or nobody has seen, stays.
keep-no-time = { $typed } is no time: write a number of days such as 90d, weeks such as 12w, or forever
sentence-and-sentence = { $first } { $second }
lines =
    { $count ->
        [one] 1 line
       *[other] { $count } lines
    }
contacts =
    { $count ->
        [one] 1 contact
       *[other] { $count } contacts
    }
days =
    { $count ->
        [one] 1 day
       *[other] { $count } days
    }

## Invitations

invitation-tell = Tell somebody the code below, face to face or by a call you trust. It is good once, for { $minutes } minutes.
    They type it where this command asks for it:
    {"  "}{ $command }
    Or send a link, which has no secret in it, by a way on which nobody can change it:
      p2pchat accept '{ $link }'
invitation-ask = The code that you were told: 
invitation-introduced = { $peer } is a contact now, and this is the right key: { $key }. To talk: p2pchat --peer { $peer }
invitation-believed = { $peer } is a contact now, with the key that the link says: { $key }. Nobody has verified it. To talk: p2pchat --peer { $peer }
link-other-key = STOP: { $peer } has another key ({ $was }) than the link says, { $key }. Nothing was changed. If you mean to decide, type /accept and the link in the chat.
invitation-wrong-words = The words were not the same, or somebody in between has tried his luck. The code is used up, and the other side knows. Make another one: { $invite }
invitation-over = Nobody has accepted the invitation in time, or the server has started anew. Make another one: { $invite }
invitation-none = There is no such invitation at this server: its number is another one, its time is over, or it was accepted. Ask for a new code.
invitation-busy = The server has had too many invitations. Try again in a minute.
invitation-no-answer = The other side does not answer; the program that made the invitation has to run until you have accepted. The code is used up; ask for a new one.
invitation-own = This is your own invitation; it is for somebody else.
invitation-unreadable = The other side sent what this version cannot read. One of you must update. The code is used up.
invitation-ended = the network has ended
code-shape = A code is a number and two words, such as 7-orchard-clock.
code-unknown = Word { $place } is on neither list of words. Ask for it again; nothing is used up yet.
