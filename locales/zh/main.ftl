### 程序对所发生之事的说明。一句一行：这里换行，显示时也换行。
### `$count` 是数字，其余变量都是原样显示的文字。

## 连接词

# 列表各项之间。
and = {"、"}
# 句子各部分之间。
comma = {"，"}

## 上线与离开

registered = 你是 { $me }，外部地址为 { $mapped }。别人这样找你：p2pchat --peer { $me }
registered-over-tcp = 你是 { $me }，经由 TCP。别人这样找你：p2pchat --peer { $me }
announced-visible = 你是 { $name }，未使用会合服务器：本网络中的任何人都能看到你的名字，并用 p2pchat --visible --peer { $me } 呼叫你。
announced-to-contacts = 你是 { $name }，未使用会合服务器：本网络中的联系人能找到你，其他人看不出你是谁。
searching = 正在局域网中寻找 { $name }。
searching-both-visible = 正在局域网中寻找 { $name }。你们还没有见过面，所以 { $name } 也必须加上 --visible 启动。
searching-unknown = 正在局域网中寻找 { $name }。但你们还没有见过面，认不出彼此：首次见面请双方都加 --visible 启动 p2pchat，或者在会合服务器上见面（--rendezvous HOST）。
unregistered = 你已下线：没有人能呼叫你。已打开的会话照常进行；/login 可重新上线。
current = 正在与 { $peer } 聊天。
same-person = { $peer } 和 { $before } 是同一个人（公钥相同）；现在以 { $peer } 与其聊天。
presence-moved = { $name }：现在{ $path }。
presence-here = { $name } 已连接，{ $path }。
presence-broke = 与 { $name } 的连接断了，正在重新建立。
presence-left = { $name } 离开了。
presence-gone = { $name } 已经不在了。
no-such-name = { $host } 上没有人叫 { $name }。请检查拼写；如果 { $name } 只是还没有第一次上线，你写的内容会保留，等到那时送出。
key-changed = 停止：{ $peer } 现在用的是另一个公钥（原来是 { $was }…）。要么 { $name } 换了新电脑而没有带上原来的密钥，要么有人在冒充 { $name }。什么都没有发出。请让 { $name } 通过语音念出那边 /id 显示的公钥，与下面这个逐字核对。只有完全一致时才输入：/trust { $name } { $key }
trusted = 从现在起，{ $peer } 的公钥是 { $tag }，等待中的内容正在送出。
unreadable = { $peer } 发来了这个版本读不懂的内容，已略过。如果再次发生，你们之中有一方应当升级。
unreadable-software = { $peer } 发来了这个版本读不懂的内容，已略过（对方的程序：{ $software }）。如果再次发生，你们之中有一方应当升级。
kept-offline = { $name } 不在线。{ $count } 行内容已保存在本机，等 { $name } 回来时送出（你可以离开；但双方须同时在线才能送达）。
kept-connecting = { $count } 行内容已保存，连上 { $name } 后即送出；正在连接。
leaving = 还有 { $count } 行没有送达。它们保存在本机，等双方再次同时在线时送出。
identity = 你是 { $names }。你的公钥：{ $key }
identity-nameless = 你在 { $hosts } 还没有名字；用 /login 名字 取一个。你的公钥：{ $key }
identity-local = 你在局域网中是 { $name }。你的公钥：{ $key }
identity-nowhere = 你还没有名字；用 /login 名字 取一个。你的公钥：{ $key }

## 会合服务器。`$server` 是头两条之一

rendezvous = 会合服务器
rendezvous-at = 会合服务器 { $host }
over-tcp = UDP 没有应答，TCP 可用。所有内容改走 TCP 和中继，加密如常；UDP 恢复后会自动切回。
over-udp = UDP 恢复了。
over-tcp-at = 会合服务器 { $host } 不应答 UDP，TCP 可用。经过它的内容改走 TCP，加密如常；UDP 恢复后会自动切回。
over-udp-at = 会合服务器 { $host } 的 UDP 恢复了。
register-name-taken = 名字 { $name } 在{ $server }上属于别人，所以没有人能在那里呼叫你。请用 --name NAME 或 /login 名字 另取一个。如果它本来就是你的，请使用当初登记它的那份数据（--data-dir）。
register-confusable = { $server }不登记名字 { $name }：它看起来像别人已有的名字，或混用了几种文字的字母。请用 --name NAME 或 /login 名字 另取一个。
register-busy = { $server }太忙，暂时无法登记 { $name }。会自动重试。
register-storage = { $server }无法把名字 { $name } 写入硬盘。会自动重试；如果一直这样，请告诉服务器的管理者。
register-refused = { $server }目前不登记 { $name }。会自动重试。
connect-no-such-name = { $host } 上没有人叫 { $name }。
connect-offline = { $peer } 不在线。
connect-other-key = 名字 { $peer } 属于另一个公钥，不是你认识的那个。什么都没有发出。
connect-not-registered = 会合服务器只介绍已登记的人，而你（还）没有登记：没有呼叫 { $peer }。会自动重试。
connect-busy = 会合服务器太忙，暂时无法介绍你认识 { $peer }。会自动重试。
trouble-unreachable = 无法连接{ $server }：{ $cause }。会自动重试；{ $meanwhile }。
trouble-others = 其间由其他服务器代劳
trouble-nearby = 已打开的聊天照常进行，本网络中的联系人仍能找到；与其他人的新聊天需要等待
trouble-alone = 已打开的聊天照常进行，新的聊天需要等待
trouble-update-this = { $server }使用协议版本 { $version }，本程序使用版本 { $ours }。本程序需要升级。
trouble-update-server = { $server }使用协议版本 { $version }，本程序使用版本 { $ours }。服务器需要升级。
trouble-key-changed = 停止：{ $server }的公钥与以前不同（原来是 { $was }…）。要么它被重新安装过，要么有人夹在你和它之间。什么都没有发出。请询问它的管理者；如果下面就是完整的新公钥，指定一次即可：--rendezvous HOST#{ $key }
trouble-same-as = { $server }和{ $other }是同一台服务器，后者继续使用。两者只需写一个。
trouble-same-as-another = 另一台

## 为什么无法连接

cause-silence = UDP 和 TCP 都没有应答。可能是本网络两者都不放行，也可能是服务器没有运行
cause-silence-at = { $server } 的 UDP 和 TCP 都没有应答。可能是本网络两者都不放行，也可能是服务器没有运行
cause-unresolved = 域名 { $host } 无法解析（{ $why }）。请检查拼写和本机的网络
cause-no-address = 域名 { $host } 没有地址。请检查拼写和本机的网络
cause-no-name-server = 查询 { $host } 时，{ $seconds } 秒内没有域名服务器应答。请检查拼写和本机的网络

## 路径简称

path-unknown = 路径尚不清楚
path-lan = 局域网直连
path-direct = 直连
path-direct-v6 = IPv6 直连
path-relay = 经中继
path-relay-tcp = 经中继（TCP）
path-with-time = { $path }，{ $time }

## 为什么没有照做

problem-unknown-command = 没有 /{ $typed } 这个命令；什么都没有发出。/help 列出所有命令。（要发送以斜杠开头的内容：//{ $typed }）
problem-unknown-command-nearest = 没有 /{ $typed } 这个命令；什么都没有发出。你想输入的是 /{ $nearest } 吗？（要发送以斜杠开头的内容：//{ $typed }）
problem-usage = 用法：/{ $command } { $usage } — { $help }
problem-bad-name = { $typed } 不能用作名字：{ $why }。
problem-other-host = { $typed } 在另一台会合服务器上，而你在 { $host }。要与那边聊天，请另外启动一个 p2pchat，加上 --peer { $typed }。
problem-unknown-recipient = 你的联系人中没有 { $name }，这也许本来是正文；什么都没有发出。要给 { $name } 发消息：/msg { $name } 内容
problem-ambiguous = 你认识 { $names }。请说明是哪一个；什么都没有发出。
problem-no-recipient = 发给谁？请输入 /msg 名字 内容，或者 名字||内容；什么都没有发出。
problem-whose-path = 显示到谁的路径？请输入 /path 名字；/who 显示谁在线。
problem-nobody-here = 没有已连接的人，所以什么都没有发出。/who 显示谁在线。
problem-yourself = 这是你自己的名字；什么都没有做。
problem-no-such-line = 没有这一行；什么都没有发出。
problem-not-yours = 只有写下这一行的人才能修改或删除它；什么都没有发出。
problem-deleted = 这一行已被删除；什么都没有发出。
problem-not-a-reaction = 回应只能是一个字符或一个表情；什么都没有发出。
problem-nothing-said = 没有内容；什么也没有发出。
problem-no-text = 没有可以替换的内容；要撤回一行请用 /delete。
problem-too-long = 一条消息最多 64 KiB；什么都没有发出。请分成几段发送。
problem-reference-too-long = ref 最多 256 字节；什么都没有发出。
problem-key-changed = { $peer } 的公钥变了（原来是 { $was }…）；在你通过语音核对完整的新公钥并输入 /trust { $peer } { $key } 之前，什么都不会发出
problem-nothing-to-trust = { $peer } 的公钥没有变，无须重新信任。
problem-wrong-key = { $typed } 不是对方出示的公钥（那是 { $offered }）。请再核对一次；什么都没有改变。
problem-not-a-command = 这不是命令。/help 列出所有命令。
problem-no-name = 你还没有名字：请先输入 /login 名字；什么都没有发出。

## 为什么不能用作名字

name-empty = 名字至少要有一个字母、汉字或数字
name-too-long = 名字最多 { $bytes } 字节（64 个拉丁字母，21 个汉字）
name-character = 名字由字母、汉字、数字、“-”、“_”和“.”组成，并以字母、汉字或数字开头；{ $character } 不合适
name-mark = 名字中的 { $character } 前面必须有字母：它是附加在字母上的符号

## 为什么硬盘没有照做

store-full = { $path } 所在的硬盘已满，因此没有保存。请腾出空间；别人在此期间发来的内容会自动重来。
store-corrupt = 数据库 { $path } 已损坏。请用备份替换它，或者把它移走，从空数据库开始；你的身份在另一个文件里。
store-other = 数据库 { $path } 无法使用：{ $cause }。

## 列表

who-empty = 没有人在线。/msg 名字 内容 可以给以后上线的人留言。
contacts-empty = 你还没有联系人。请用 /msg 名字 内容，或者 p2pchat --peer NAME@HOST。
found-nothing = 没有哪一行这样说过。单词按开头查找。
history-empty = 还没有说过话。
history-me = 我>{ $name }
history-undelivered = （尚未送达）
waiting = { $count } 行待发
unread = { $count } 行未读
stopped = 已停止：现在自称的公钥是 { $key }，见 /trust
no-key = 尚无公钥
verified = 已核对
state-offline = 离线
state-registered = 已登记
state-connecting = 正在连接
state-waiting = 等待进入
state-connected = 已连接

## 终端

prompt-nobody = （还没有人）>
delivered =
    { $count ->
        [1] ✓ 已送达 { $name }
       *[other] ✓ { $count } 行已送达 { $name }
    }
sent-unconfirmed = ^ 已发给 { $name }，尚未确认
to-all = （发给所有人）
seen-before = （可能已经看过）
written-at = （写于 { $time }）
arrived-at = （送达于 { $time }）
not-sent = ! 没有发出：{ $why }

## 对一行所做的事。`$line` 是前四句之一；`$text` 是那一行的开头

quote = “{ $text }”
quote-yours = 你的“{ $text }”
quote-of = { $name } 的“{ $text }”
quote-deleted-of = { $name } 已删除的一行
quote-hidden-of = { $name } 的一行（你不想看到其消息）
quote-deleted = 已删除的一行
quote-deleted-yours = 你已删除的一行
said-to = （回复{ $line }）
said-to-unknown = （回复本机上没有的一行）
said-edited = （修改了{ $line }）
said-edited-unknown = （修改了本机上没有的一行）
said-deleted = （删除了 { $time } 的一行）
said-deleted-unknown = （删除了本机上没有的一行）
said-reacts = （回应{ $line }）
said-reacts-unknown = （回应本机上没有的一行）
said-unreacts = （撤回了对{ $line }的回应）
done-to = 回复{ $line }
done-edited = 已修改{ $line }
done-deleted = 已删除{ $line }
done-reacted = 已回应{ $line }
done-unreacted = 已撤回对{ $line }的回应
line-deleted = （已删除）
line-withdrawn = （已撤销）
line-edited = （已修改）
detached = 聊天在后台继续。p2pchat 回到聊天，p2pchat hold --end 结束它。
link-opened = 正在打开 { $link }
problem-no-such-link = 这个会话中没有那么多链接。
problem-no-desktop = 这里没有能打开链接的桌面。地址是 { $link }
problem-not-detachable = 聊天离不开这个终端：其他程序不能同时使用这份数据。
problem-not-detached = 无法把聊天交给后台，仍在这里继续：{ $cause }
problem-not-opened = 无法打开 { $link }：{ $cause }
