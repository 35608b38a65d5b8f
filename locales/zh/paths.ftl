### /path 的回答，以及对方对自己网络的说明。

paths-none = 目前与 { $peer } 没有连接。
paths-to = 到 { $peer } 的路径：
paths-why = 原因：{ $why }
paths-upkeep = 保活：{ $upkeep }

## 表头与表中内容

paths-head-path = 路径
paths-head-to = 目的地
paths-head-origin = 来源
paths-head-sent = 发出
paths-head-seen = 收到
paths-head-probes = 探测
paths-head-heard = 上次收到
paths-from-socket = { $remote }（套接字 { $number }）
paths-through-server = 经服务器
paths-in-use = 使用中
paths-works = 可用
paths-trying = 正在尝试
paths-unanswered = 无应答
paths-silent = 已沉默
paths-never = 从未
paths-seconds-ago = { $time } 秒前
paths-minutes-ago = { $time } 分钟前
paths-paragraph = { $path }，{ $to }：{ $state }
paths-paragraph-traffic = { $origin }，发出 { $sent }，收到 { $seen }
paths-paragraph-probes = 探测 { $answered }/{ $sent }
paths-paragraph-heard = 上次收到：{ $ago }
paths-paragraph-never = 从未收到
origin-host = 本机地址
origin-server-reflexive = 服务器所见
origin-port-mapped = 端口映射
origin-peer-reflexive = 对方所见
origin-relayed = 中继

## 为什么使用这条路径

reason-no-path = 目前没有通往对方的路径。
reason-only-direct = 它是唯一有应答的直连路径，而直连优于中继。
reason-fastest = 在有应答的 { $of } 条直连路径中，它的往返时间最短。
reason-not-worth-moving = { $faster } 稍快一点，但不值得为此切换。
reason-promising = 刚刚从那里收到对方的数据，尚待验证。
reason-relay-only = 使用了 --relay-only，因此对方不会知道你的地址。
reason-no-direct-path = 使用了 --direct-only，而没有直连路径应答：会话由中继维持，正文等待发送。
reason-trying = 正在尝试直连，其间由中继传送。
reason-slower-than-relay = { $remote } 有应答，但比中继慢得多。
reason-lost = 直连路径沉默了。在它恢复应答之前由中继传送。
reason-no-candidates = 对方没有给出可以尝试的地址（也许对方使用了 --relay-only）。
reason-nothing-answered = { $count } 条直连路径都没有应答：你们之间的 NAT 或防火墙不放行。
reason-and-punching = { $reason }{ $punching }
reason-and-doctor = { $reason }p2pchat doctor 可以查明你的 NAT 属于哪一种。

## 需要猜测端口时做了什么

punch-waiting = 仍在查明双方的 NAT 如何分配端口。
punch-guessing = 正在打洞：猜测端口。
punch-guessing-plan = 正在打洞：{ $plan }，成功率 { $chance }。
punch-resting = 已打洞 { $rounds } 次，共 { $packets } 个数据报；{ $seconds } 秒后再试。
punch-own-unknown = 不清楚你的 NAT 如何分配端口，所以不猜。
punch-peer-unknown = 不清楚对方的 NAT 如何分配端口，所以不猜。
punch-shared-nat = 你们在同一个 NAT 后面（多半是运营商的），而它不允许内部的人访问它的外部地址。使用 IPv6 可以解决。
punch-hopeless = 你的 NAT 的端口{ $own }，对方的{ $peer }：猜中的机会只有 { $chance }，所以不尝试。任何一方的路由器转发一个端口，或者使用 IPv6，都可以解决。
plan-fresh = 换用新的套接字
plan-window = 随后的 { $width } 个端口
plan-birthday = { $sockets } 个套接字，{ $probes } 个端口
plan-scatter = 双方各 { $flows } 条流
ports-unknown = 分配方式不明
ports-constant = 对所有人都相同
ports-varying = 会变化，规律不明
ports-sequential = 依次递增
ports-block = 从一小段中随机抽取
ports-uniform = 从全部端口中随机抽取

## 对方对自己网络的说明

circumstances = { $peer } 称：那边的端口{ $ports }；{ $forwarded }；{ $clock }。
circumstances-over-tcp = { $peer } 称：那边的端口{ $ports }；{ $forwarded }；那边只能经 TCP 连接会合服务器；{ $clock }。
forwarded = 那边的路由器转发了一个端口
not-forwarded = 那边没有转发端口
clock-agrees = 双方时钟一致
clock-behind = 你的时钟慢 { $seconds } 秒
clock-ahead = 你的时钟快 { $seconds } 秒

## 为了让路由器保留映射，多久发送一次

upkeep-idle = 每 { $every } 秒探测一次，因为你的路由器至少会保留静默的映射 { $idle } 秒。
upkeep-unknown = 每 { $every } 秒探测一次；你的路由器会保留静默的映射多久，尚不清楚。
upkeep-age = { $idle }它会在 { $age } 秒或稍久之后终止每个映射，所以聊天会提前换用新的端口。
