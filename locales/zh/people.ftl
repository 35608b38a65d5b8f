### 人：在这里叫什么，是不是本人，谁不想听到。

verify = 请 { $peer } 也输入 /verify 和你的名字，然后核对全部十二个词：用语音，或把两块屏幕放在一起，但不要在这个聊天里核对。如果完全一致，请输入：/verify { $name } yes。也可以把 { $name } 念给你的词输入在 /verify { $name } 之后。
verify-again = 你以前核对过 { $peer }。如果想再核对一次，词在下面。
verify-done = { $peer } 已核对：持有这个公钥的就是与你核对的那个人。公钥一旦改变，这个标记就会消失。
verify-other = 停止：{ $name } 看到的词与你的不同。要么有一个词念错了，要么有人夹在你们之间偷看。请输入 /verify { $name }，换一种不经过这个聊天的方式再核对一次；在一致之前，不要在这里说不能让别人知道的话。
renamed = 从现在起，{ $peer } 在这里叫 { $nickname }。不会告诉任何人。
renamed-back = { $peer } 恢复用自己的名字。
blocked = 已屏蔽 { $peer }：不论用什么名字，都不再收到对方的任何内容；在 { $name } 看来你不在。你写给 { $name } 而对方还没收到的内容留在本机。/unblock { $name } 可以取消。
unblocked = 重新应答 { $peer }。
ignored = { $peer } 说的话照常收下，但不再自动显示；{ $name } 不会知道。用 /history { $name } 可以查看，/unignore { $name } 可以取消。
unignored = 重新显示 { $peer } 说的话。
muted = { $name } 来消息时不再提醒。/unmute { $name } 可以取消。
muted-until = 在 { $time } 之前，{ $name } 来消息时不再提醒。/unmute { $name } 可以取消。
unmuted = { $name } 来消息时重新提醒。
nobody-limited = 没有人。
limit-blocked = 已屏蔽
limit-ignored = 已忽略
limit-muted = 不提醒
limit-muted-until = { $time } 之前不提醒
problem-short-key = { $typed } 太短，无法与专门造出来开头相同的公钥区分。请通过语音核对后至少输入 { $count } 个字符；公钥是 { $key }
problem-nothing-to-verify = 还没有 { $peer } 的公钥。连接过一次之后才有可核对的东西。
problem-not-compared = 还什么都没有核对。请输入 /verify { $name }，与 { $name } 核对那些词，然后再说 yes。
problem-no-code = 这既不是词表里的十二个词，也不是二维码的内容。
problem-no-contact = 你不认识 { $peer }。/contacts 显示你认识的人。
problem-name-in-use = { $name } 会与你认识的 { $by } 混淆。两个人叫得一样，一不小心就会发错人；请换一个昵称。
problem-host-in-nickname = 昵称是一个不带 @ 的词：只在本机使用。
problem-blocked = 你已屏蔽 { $peer }；什么都没有发出。/unblock { $name } 可以取消。
