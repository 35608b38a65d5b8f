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
request = { $peer } 想和你聊天，你们还不认识（公钥 { $tag }）。输入 /accept { $name } 查看对方写了什么，/reject { $name } 则不看，/block { $name } 以后不再询问。
request-like = 小心：{ $peer } 想和你聊天（公钥 { $tag }），这个名字容易与 { $like } 混淆，但那是另一个人。只有确实要找此人时才输入 /accept { $name }，否则 /block { $name }。
requests-wait = 有 { $count } 个你不认识的人想和你聊天。用 /requests 查看。
requests-none = 没有人等你接受。
request-rejected = 已拒绝
request-accepted = { $peer } 现在是你的联系人了。
request-refused = 不再应答 { $peer }，也不告诉对方原因。/accept { $name } 可以取消。
pending = { $name } 还不认识你，正在询问是否愿意和你聊天。在 { $name } 接受之前，你写的内容留在本机。
problem-no-request = 没有这个名字的人等你接受；用 /requests 查看都有谁。
problem-confusable = { $peer } 不是你认识的 { $like }：只是名字看起来像。什么都没有做。如果确实是指 { $peer }，请再输入一次。
invitation-code = 把下面的邀请码当面或用你信得过的电话告诉对方。它只能用一次，{ $minutes } 分钟内有效，期间请不要关闭聊天：
      { $code }
    对方在聊天中输入 /accept { $code }{ $at }，或者运行 p2pchat accept。也可以发一个链接，其中没有秘密，但要用别人改不了的方式发送：
      { $link }
invited = { $peer } 现在是联系人，而且公钥无误：{ $key }。开始聊天：/msg { $name }
invited-by-link = { $peer } 现在是联系人，公钥以链接为准：{ $key }。还没有人核对过，用 /verify { $name } 核对。开始聊天：/msg { $name }
problem-no-contact-link = 这不是联系人链接；链接的形式是 p2pchat:名字@主机#公钥?key=公钥。
problem-other-server-key = 停止：链接说 { $host } 的公钥是 { $said }，但它的公钥是 { $known }。要么链接过期或在途中被改动，要么这台服务器不是原来的那台。什么都没有做。
problem-not-registered = 现在没有服务器认识你，而邀请需要服务器。连接上之后再试。
secret-lacking-here = { $peer } 用你们邀请时共有的秘密来呼叫，但这份数据里没有：它可能是新建的，或是用单词恢复的。要重新聊天，请再邀请一次：在这里输入 /invite、对方输入 /accept，或者反过来。
secret-lacking-there = { $peer } 呼叫时没有用你们邀请时共有的秘密。要么 { $name } 换了新的或恢复的数据，要么有人在重放旧的呼叫。什么都没有发出，也没有收下。请用别的方式问 { $name }；要重新聊天，请再邀请一次：/invite
contact-nobody = 你认识的人里没有叫 { $name } 的；用 p2pchat contacts 查看所有人。
contact-has-history = 与 { $peer } 有聊天记录，会随之丢失。要保留：p2pchat history export --with { $peer }。确定丢弃请加上 --yes。
contact-removed = { $peer } 不再是联系人，聊天记录也没有留下。以后从那里来的呼叫就是你不认识的人。
contact-address = 地址
contact-nickname = 在这里叫
contact-key = 公钥
contact-trust = 信任
contact-since = 公钥始于
contact-other-key = 但是
contact-limits = 限制
contact-lines = 消息
trust-new = 还没有公钥
trust-seen = 以前见过，没有核对
trust-verified = 已核对
trust-changed = 已改变：停止发送
