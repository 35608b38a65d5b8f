### People: what they are called here, whether they are who they say, who is not to be heard.

verify = Ask { $peer } to type /verify and your name, and compare all twelve words: by voice, or side by side, but not in this chat. If they are the same, type: /verify { $name } yes. Or type the words that { $name } reads to you behind /verify { $name }.
verify-again = You have verified { $peer } before. These are the words, if you want to compare them again.
verify-done = { $peer } is verified: whoever has this key is the one you compared with. A changed key takes the mark away.
verify-other = STOP: { $name } sees other words than you. Either one of them was misread, or somebody sits between the two of you and reads along. Type /verify { $name } and compare again, by another way than this chat; until they are the same, say nothing here that others must not know.
renamed = { $peer } is called { $nickname } here from now on. Nobody else is told.
renamed-back = { $peer } is called by its own name again.
blocked = { $peer } is blocked: nothing comes from there any more, under no name, and for { $name } you are not there. What you wrote and { $name } has not got stays here. /unblock { $name } takes it back.
blocked-unknown = Nobody here knows { $peer } yet. Whoever calls by that name first is blocked, and then under any other as well. /unblock { $name } takes it back.
unblocked = { $peer } is answered again.
ignored = What { $peer } says is kept and no longer shown by itself; { $name } is not told. /history { $name } has it, /unignore { $name } takes it back.
unignored = What { $peer } says is shown again.
muted = { $name } does not call you to the screen any more. /unmute { $name } takes it back.
muted-until = { $name } does not call you to the screen until { $time }. /unmute { $name } takes it back.
unmuted = { $name } calls you to the screen again.
nobody-limited = Nobody.
limit-blocked = blocked
limit-ignored = ignored
limit-muted = muted
limit-muted-until = muted until { $time }
problem-short-key = { $typed } is too short to tell this key from one that was made to begin likewise. Type at least { $count } characters of it, after comparing them by voice; it is { $key }
problem-nothing-to-verify = There is no key of { $peer } yet. Once you have been connected, there is something to compare.
problem-not-compared = Nothing was compared yet. Type /verify { $name }, compare the words with { $name }, and then say yes.
problem-no-code = These are not twelve words of one of the lists, nor what a picture says.
problem-no-contact = { $peer } is nobody you know. /contacts shows whom you know.
problem-name-in-use = { $name } can be taken for { $by }, whom you know, too. Two people who are called the same are one mistake away from a line to the wrong one; choose another nickname.
problem-host-in-nickname = A nickname is one word without @: it is for this computer only.
problem-blocked = You have blocked { $peer }; nothing was sent. /unblock { $name } takes it back.
request = { $peer } wants to talk to you, and you do not know each other (key { $tag }). Type /accept { $name } to see what was written, /reject { $name } not to, /block { $name } never to be asked again.
request-like = CAREFUL: { $peer } wants to talk to you (key { $tag }), and the name can be taken for { $like }, who is somebody else. Type /accept { $name } only if you mean this one, or /block { $name }.
requests-wait = { $count ->
    [one] Somebody
   *[other] { $count } people
} whom you do not know { $count ->
    [one] wants
   *[other] want
} to talk to you. /requests shows who.
requests-none = Nobody waits for you to accept.
request-rejected = rejected
request-accepted = { $peer } is a contact from now on.
request-refused = { $peer } is not answered, and not told why. /accept { $name } takes it back.
pending = { $name } does not know you yet and has been asked whether to talk to you. What you write waits on this computer until { $name } accepts.
problem-no-request = Nobody of that name waits to be accepted; /requests shows who does.
problem-confusable = { $peer } is not { $like }, whom you know: the names only look alike. Nothing was done. If you do mean { $peer }, type it once more.
invitation-code = Tell somebody this code, face to face or by a call you trust. It is good once, for { $minutes ->
    [one] one minute
   *[other] { $minutes } minutes
}, and while this chat runs:
    {"  "}{ $code }
    They type /accept { $code }{ $at } in their chat, or run p2pchat accept. Or send a link, which has no secret in it, by a way on which nobody can change it:
    {"  "}{ $link }
invited = { $peer } is a contact, and this is the right key: { $key }. To talk: /msg { $name }
invited-by-link = { $peer } is a contact, with the key that the link says: { $key }. Nobody has verified it; /verify { $name } does. To talk: /msg { $name }
problem-no-contact-link = This is no link to a contact; it looks like p2pchat:NAME@HOST#KEY?key=KEY.
problem-other-server-key = STOP: { $host } is said to have the key { $said }, but it has { $known }. Either the link or the address is old or was changed on its way, or this server is another one. Nothing was done.
problem-not-registered = No server knows you at the moment, and an invitation needs one. Try again when you are connected.
secret-lacking-here = { $peer } calls with the secret of an invitation, and this profile has none: it may be new, or restored from words. You cannot talk until you invite each other again: /invite here and /accept there, or the other way round.
secret-lacking-there = { $peer } calls without the secret that you two have had since an invitation. Either { $name } has a new or a restored profile, or somebody plays an old call back. Nothing was sent and nothing taken in. Ask { $name } in another way; to talk again, invite each other: /invite
contact-nobody = Nobody whom you know is called { $name }; p2pchat contacts shows everybody.
contact-has-history = Something was said with { $peer }, and would be lost. To keep it: p2pchat history export --with { $peer }. To lose it, say --yes, too.
contact-removed = { $peer } is no contact any more, and nothing is left of what was said. Whoever calls from there is somebody you do not know.
contact-was-removed = { $peer } is no contact any more, and what waited was removed, too
contact-added = { $peer } is a contact from now on, and proves it by the key { $tag }.
contact-added-keyless = { $peer } is a contact from now on. No key is known yet: the first who calls by that name is believed.
contact-looks-like = { $peer } can be taken for { $like }, whom you know, and was not added. If it is somebody else, ask for the key and say it, too: --key KEY
contact-pinned-to-other-key = STOP: you know { $peer } by another key ({ $was }) than { $key }. Nothing was changed. Ask { $peer } by another way which one it is. To believe the new one, p2pchat contacts remove { $peer } first: what was said goes with it.
contact-which-rendezvous = At which rendezvous is { $name }? None is known yet: say { $name }@HOST.
contact-address = Address
contact-nickname = Called here
contact-key = Key
contact-trust = Trust
contact-since = Key since
contact-other-key = But
contact-limits = Limits
contact-lines = Lines
trust-new = no key yet
trust-seen = seen before, not compared
trust-verified = verified
trust-changed = changed: nothing is sent
