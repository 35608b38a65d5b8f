## The screen

screen-too-small = 至少 { $size }
screen-unread = 未读
screen-new = { $count } 条新消息
screen-unsent = { $count } 条未送达
screen-earlier = （此前还有 { $count } 次变化）
screen-deleted = （已删除）
screen-hidden = （已忽略）
screen-withdrawn = （已撤销）
screen-not-here = （此行不在本机）
screen-edited = （已编辑）
screen-typing = { $name } 正在输入
screen-late = （写于 { $written }，到达 { $arrived }）
screen-leave = 再按一次 Ctrl+C 退出。
screen-leave-unsent = 还有 { $count } 条未送达，已保存在本机。再按一次 Ctrl+C 退出。
screen-help-writing = 书写时
screen-help-screen = 任何时候
screen-help-commands = 命令
screen-close = 按 Esc 关闭。
screen-search = 搜索：
screen-found =
    { $count ->
        [0] 没有找到。按 Esc 关闭。
       *[other] 找到 { $count } 行。上下键选择，回车跳转，Esc 关闭。
    }
screen-full = 一条消息最多 64 KiB。
screen-no-edit = 编辑器没有返回内容。你写的内容还在这里。
screen-no-editor = 没有叫 { $editor } 的编辑器。你写的内容还在这里。用 EDITOR=nano p2pchat 启动（换成你有的编辑器），就会打开它。
screen-edit-undone = { $editor } 报告失败（退出码 { $code }），所以你写的内容保持原样。
screen-edit-failed = 没能交给编辑器：{ $why }。你写的内容还在这里。

## How we are reached

reach-connecting = 连接中
reach-here = 在线
reach-tcp = 经 TCP
reach-local = 局域网
reach-out = 已登出
reach-refused = 被拒绝
reach-lost = 无服务器

## The way that lines take

way-lan = 局域网
way-direct-v4 = 直连 v4
way-direct-v6 = 直连 v6
way-relay = 中继
