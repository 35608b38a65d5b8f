### Rooms: who comes and goes, and who may.

room-nobody = nobody
room-made = There was no room { $room }, so it is yours now. Whoever knows its name can come in: /join { $room }.
room-made-invited = There was no room { $room }, so it is yours now. Only those come in whom a member has invited: /invite { $room } NAME.
room-entered =
    { $count ->
        [one] You are in { $room }, and nobody else is.
       *[other] You are in { $room }, one of { $count }; it is { $owner }'s.
    }
room-about = It is about: { $topic }
room-nobody-here = There is a room { $room }, and nobody is there now who could let you in. You come in as soon as somebody is.
room-left = You have left { $room }. What was said while you were there stays here.
room-farewell = One moment: those in { $room } are told that you left.
room-came =
    { $count ->
        [one] { $names } came into { $room }.
       *[other] { $count } came into { $room }: { $names }.
    }
room-gone =
    { $count ->
        [one] { $names } left { $room }.
       *[other] { $count } left { $room }: { $names }.
    }
between-names = { ", " }
room-one-came = { $name } came.
room-one-left = { $name } left.
room-moved = { $count }: { $names }
room-moved-both = { $came }, { $left }: { $in }; { $out }
room-count-came = { $count } came
room-count-left = { $count } left
room-kicked = { $name } was removed from { $room } by its owner.
room-kicked-us = You were removed from { $room } by its owner, and come back only if the owner invites you.
room-owner = { $room } is { $name }'s from now on.
room-topic = { $name } says what { $room } is about: { $topic }
room-topic-none = { $name } took back what { $room } is about.
room-invited = { $by } invites { $name } into { $room }.
room-not-admitted = You cannot come into { $room }: { $why }. Should that change, you come in by itself.
room-other = STOP: the server says that { $room } is another room now than the one that you are in. You stay in yours, with those whom you know there. Either the server has lost what it knew, or it wants to lead you elsewhere.
room-server-refuses = The server does not tell who is in { $room }: { $why }. It is asked again.
room-server-full = as many are there as it allows
room-server-busy = it has too much to do
room-forges = STOP: { $name } (key { $key }) sends in { $room } what was not signed by whom it names, or is of another room. It was not taken, and nothing is from { $name } until the next connection.
room-namesake = STOP: somebody in { $room } calls himself { $name } and has the key { $key }. The { $name } whom you know has the key { $known }. Behind his name stands a ! where he says something; /members shows who has which key.
room-two-histories = STOP: { $name } (key { $key }) has told different members of { $room } different things, and there is proof. What was said after that does not count, and { $name } is out.
room-refusal-not-invited = only those may whom a member has invited
room-refusal-kicked = the owner has removed you
room-refusal-full = as many are in it as there can be, which is 30
room-refusal-too-often = you came and left too often; the owner can invite you again
room-refusal-not-owner = only the owner can do that
room-refusal-not-member = you are not in it
room-refusal-worn-out = too much was done to this room; only its owner can still do something but talk
room-refusal-unknown = those who are there do not know it
problem-not-in-room = You are not in { $room }; nothing was done. /join { $room } brings you there.
problem-no-such-room = There is no room { $room }; p2pchat --room { $name } makes it.
problem-not-let-in = You did not come into { $room } in time: nobody was there who could let you in. The line is kept nowhere; send it again later.
problem-room-denied = You were not let into { $room }: { $why }. The line is kept nowhere.
problem-which-room = Which room? Name it, such as #tea, or open it first.
problem-kicks-oneself = That is you: /leave { $room } leaves.
problem-no-key-to-invite = The key of { $peer } is not known here, and an invitation lets in a key, not a name. Talk to { $peer } first: /connect { $peer }.
problem-topic-too-long = What a room is about has at most { $bytes } bytes; nothing was done.
problem-no-server = { $room } needs a rendezvous that you use: --rendezvous HOST.
problem-room = That cannot be: { $why }.
room-summary =
    { $count ->
        [one] { $room }: you are in it, and nobody else is.
       *[other] { $room }: { $count } members, { $here } here.
    }
room-summary-waiting = { $room }: you wait to be let in.
room-here =
    { $count ->
        [one] One member, { $here } here
       *[other] { $count } members, { $here } here
    }
room-members = In { $room }:
room-member-owner = owner
room-member-us = you
room-member-here = connected
room-member-away = away
room-lines-count =
    { $count ->
        [one] A line of { $name }'s in { $room } that had been withdrawn counts again; /history has it.
       *[other] { $count } lines of { $name }'s in { $room } that had been withdrawn count again; /history has them.
    }
room-lines-kicked =
    { $count ->
        [one] A line of { $name }'s is withdrawn: the owner of { $room } had removed { $name } before it reached the owner.
       *[other] { $count } lines of { $name }'s are withdrawn: the owner of { $room } had removed { $name } before they reached the owner.
    }
room-lines-two-histories =
    { $count ->
        [one] A line of { $name }'s is withdrawn: { $name } has told different members of { $room } different things.
       *[other] { $count } lines of { $name }'s are withdrawn: { $name } has told different members of { $room } different things.
    }
room-lines-no-member =
    { $count ->
        [one] A line of { $name }'s is withdrawn: { $name } was not in { $room } when it was written.
       *[other] { $count } lines of { $name }'s are withdrawn: { $name } was not in { $room } when they were written.
    }
room-progress = { $have } of { $of } have it
room-receipts = { $has } of { $all } have it: { $names }
room-receipts-none = Nobody has it yet.
room-receipts-waiting = It waits for { $names }.
room-receipts-nobody = Nobody else was there.
problem-no-rooms = You are in no room. /join #tea goes into one, or makes it.
problem-nobody-there = Nobody of that name is in { $room }. /members shows who is.
