### 程序在启动、结束和演示时关于自身的说明。

ask-name = 你的名字（别人用它呼叫你）：
serving = 会合服务器正在本进程中运行，UDP 端口 { $port }。其他人使用 --rendezvous HOST:{ $port }#{ $key } 前来，其中 HOST 是本机的公网域名或地址。
hold-runs-already = 这份数据上已有聊天在运行，它照常继续。
hold-not-known-yet = 聊天已在后台运行；还没有服务器应答。p2pchat status 显示情况。
hold-none-to-end = 这份数据上没有聊天在运行。
input-too-long = 有一行输入太长，已略过。
interrupted-once = 再按一次 Ctrl+C，或按 Ctrl+D，或输入 /quit 即可退出。

## p2pchat id

id-name = 名字
id-key = 公钥
id-rendezvous = 会合服务器
id-its-key = 它的公钥
id-passphrase = 口令
id-passphrase-set = 读取这份数据需要口令
id-not-chosen = 尚未选定
overview-chat = 聊天
overview-running = 正在运行
overview-not-running = 没有运行
overview-registered = { $server }（已登记）
overview-not-registered = { $server }（未登记）
overview-room-waiting = 等待加入
overview-request = 想与你聊天：请在聊天中 /accept 或 /reject

## 演示

demo-welcome = 这是只在本机上进行的演示：会合服务器在 { $address }，对方名叫 echo，另一方是你。随便说点什么；/path 显示如何连接，/help 显示其他命令，/quit 结束。
demo-listens = 会合服务器正在监听 { $address }
demo-echo-registered = 另一端 echo 已在那里登记
demo-registered = 已登记为 { $me }；服务器看到我们在 { $mapped }
demo-introduced = 已被介绍给 echo；经中继和直连同时握手
demo-connected = 已连接 echo，{ $path }
demo-connected-to = 已连接 echo，{ $path }，对端 { $remote }
demo-moved = 现在{ $path }
demo-moved-to = 现在{ $path }，对端 { $remote }
demo-done-direct = { $count } 行已发出、送达并返回；路径为直连
demo-done-relay = { $count } 行已发出、送达并返回；没有找到直连路径，由中继传送
