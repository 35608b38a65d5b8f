### /help 对每个命令的说明：`command-命令`，`.usage` 是它的参数。

command-msg = 给“名字”发消息；省略“内容”则从现在起与其聊天
    .usage = 名字 [内容]
command-connect = 从现在起与“名字”聊天
    .usage = 名字
command-say = 发给所有已连接的人
    .usage = 内容
command-me = 描述自己的动作：/me 挥了挥手
    .usage = 内容
command-reply = 回复对方的最后一行，或从最新一行（1）倒数的第 N 行
    .usage = [N] 内容
command-who = 显示谁在线
command-path = 显示当前如何连接
    .usage = [名字]
command-history = 显示最近 N 行
    .usage = [名字] [N]
command-contacts = 显示所有联系人及其公钥
command-trust = 通过语音与“名字”核对整个公钥之后，信任这个公钥
    .usage = 名字 公钥
command-login = 以“名字”上线，让别人能找到你
    .usage = 名字
command-logout = 下线，并结束所有会话
command-id = 显示自己的名字和公钥
command-help = 显示这份列表
command-quit = 退出；未送达的内容留在本机
