### p2pchat doctor 查明的情况。

## 表格：项目与情况

doctor-rendezvous = 会合服务器
doctor-the-rendezvous = 会合服务器
doctor-port-mapping = 端口映射
doctor-longest = 最长
doctor-clock = 时钟
doctor-seen-as = 外部地址
doctor-lets-in = 允许进入
doctor-ports = 端口
doctor-evidence = 依据
doctor-hairpin = 回环
doctor-keepalive = 保活
doctor-keepalive-unknown = 尚不清楚间隔；聊天几分钟即可查明
unknown = 不明
not-tried = 未尝试
no-answer = 无应答
doctor-udp = { $server } 在 { $time } 内应答
doctor-tcp-open = 有应答
doctor-tcp-tls = 有应答，TLS 也有
doctor-tcp-refused = 被服务器拒绝
doctor-mtu = 不分片可达 { $longest } 字节；需要 { $needed } 字节
doctor-hairpin-yes = 它后面的两台主机可以用外部地址互访
doctor-hairpin-no = 未见
mapping-none = 无：这就是本机自己的地址
mapping-endpoint-independent = 对所有人使用同一个外部端点（端点无关映射）
mapping-same-address = 对服务器的两个端口使用同一个外部端点（它只有一个地址可供比较）
mapping-address-dependent = 对每个地址使用不同的外部端点（地址相关映射）
mapping-address-and-port-dependent = 对每个端点使用不同的外部端点（对称型；地址和端口相关映射）
filtering-unknown = 不明：服务器没有可应答的第二个端口
filtering-endpoint-independent = 任何人（端点无关过滤）
filtering-address-dependent = 曾向其发送过的地址（地址相关过滤）
filtering-address-and-port-dependent = 曾向其发送过的端点（地址和端口相关过滤）
filtering-not-by-port = 至少是曾向其发送过的地址，不论端口
allocation-constant = 每个套接字一个
allocation-varying = 会变化，规律不明
allocation-sequential = 依次递增，步长 { $step }；其间被别人占用 { $foreign } 个
allocation-block = 大约在 { $first } 到 { $last } 之间随机抽取
allocation-uniform = 从全部端口中随机抽取
evidence-port = { $server } 看到端口 { $port }
evidence-also = { $evidence }，{ $server } 看到 { $port }
ipv6-none = 本机没有全球地址
ipv6-untried = 有地址；服务器没有 IPv6 地址可供尝试
ipv6-silent = 有地址，但服务器没有应答
ipv6-works = 可到达服务器
ipv6-translated = 可到达服务器，经过 NAT
port-mapping-off = 未申请
port-mapping-needless = 不需要：本机有公网地址
port-mapping-no-router = 没有可以申请的路由器
port-mapping-asking = 已申请，尚无应答
port-mapping-unsupported = 路由器不支持 PCP、NAT-PMP 和 UPnP
port-mapping-refused = 路由器支持 { $by }，但拒绝了申请
port-mapping-mapped = 路由器转发 { $external }（{ $by }）
port-mapping-second-nat = { $mapping }，但互联网看到的不是这个地址：还有第二层 NAT

## 结论与建议

verdict-offline = 本机没有网络地址。请先接入网络。
verdict-no-address = 域名 { $server } 没有对应的地址。请检查拼写和本机的域名服务器。
verdict-unreachable = { $server } 的 UDP 和 TCP 都没有应答：服务器没有运行、地址写错，或者本网络什么都不放行。请询问服务器的管理者，或者换一个网络试试。
verdict-not-listening = { $server } 这台主机在，但没有会合服务器应答 UDP：要么它没有运行，要么途中的防火墙丢弃了 UDP。请服务器的管理者用 p2pchat-rendezvous ping 检查，并开放 UDP 端口。
verdict-udp-blocked = 本网络不允许 UDP 到达 { $server }。聊天可以走 TCP，经由服务器而无法直连；本网络的管理者放行 UDP 即可改变这一点。
verdict-no-rendezvous = { $server } 上应答的不是 p2pchat 的会合服务器。请检查地址和端口。
verdict-update-this = { $server } 使用协议版本 { $theirs }，本程序使用版本 { $ours }。请升级本机的 p2pchat。
verdict-update-server = { $server } 使用协议版本 { $theirs }，本程序使用版本 { $ours }。请升级服务器。
verdict-other-key = 停止：{ $server } 出示的公钥与已知的不同。要么服务器被重新安装过，要么有人夹在中间。请向它的管理者询问公钥，只有确认是新公钥时，才用 --rendezvous { $server }#公钥 指定。
verdict-small-mtu = { $needed } 字节的数据报无法通过，而 p2pchat 会发送这么长的数据报。请把途中隧道或 VPN 的 MTU 提高到 1280 字节以上。
verdict-public = 本机可以从任何地方访问：与所有人都能直连。无须做任何事。
verdict-firewalled = 没有 NAT，至多有一个防火墙，放行你发送过的对象：与几乎所有人都能直连。无须做任何事。
verdict-easy = 你的 NAT 容易穿透：与几乎所有人都能直连。无须做任何事。
verdict-mapped = 你的 NAT 难以穿透，但路由器为 p2pchat 开放了端口：与几乎所有人都能直连。无须做任何事。
verdict-easy-over-ipv6 = 你的 IPv4 NAT 难以穿透，但 IPv6 没有 NAT：对方有 IPv6 或者 NAT 容易穿透时可以直连，否则走中继。让路由器开放端口（UPnP、NAT-PMP 或 PCP）可以改善后者。
verdict-predictable = 你的 NAT 会更换端口，但规律可以预测：与大多数人可以直连，先走中继一两秒。让路由器开放端口（UPnP、NAT-PMP 或 PCP）就能全部直连。
verdict-block = 你的 NAT 从一小段端口中随机分配，运营商常这样做：多次尝试后可以打通，大约半分钟之内，其间由中继传送。使用 IPv6 可以改善，请向运营商索取。
verdict-random = 你的 NAT 为每个连接分配不同的端口：对方的 NAT 容易穿透时，尝试几次后可以直连，否则走中继。请让路由器开放端口（UPnP、NAT-PMP 或 PCP），或者使用 IPv6。
verdict-unclear = UDP 可用，但 { $server } 没有可应答的第二个端口，因此无法判断你的 NAT。服务器的管理者可以再开放下一个 UDP 端口（discovery = true）。

## doctor --peer

doctor-no-session = { $seconds } 秒之后仍未与对方建立会话。
doctor-peer-offline = { $peer } 不在线。请让那边运行 p2pchat，然后再试。
