### 终端界面的按键：`key-名称`，其中“名称”是配置文件 [keys] 一节里的写法。

key-send = 发送
key-newline = 在同一条消息里另起一行
key-complete = 补全名字、命令或路径；再按：下一个
key-complete-back = 上一个
key-editor = 在 $VISUAL 或 $EDITOR 里继续写
key-up = 上移一行；在第一行时：之前发送过的内容
key-down = 下移一行；在最后一行时：之后发送过的内容
key-left = 左移一个字符
key-right = 右移一个字符
key-word-left = 后退一个词
key-word-right = 前进一个词
key-line-start = 到行首
key-line-end = 到行尾；已在行尾时：到最新的消息
key-delete-back = 删除前一个字符
key-delete-forward = 删除后一个字符；没有内容时 Ctrl+D 退出
key-delete-word-back = 删除前一个词
key-delete-word-forward = 删除后一个词
key-delete-to-start = 删除到行首
key-delete-to-end = 删除到行尾
key-yank = 插入上次按词或按行删除的内容
key-undo = 撤销上一次修改
key-redo = 重做
key-next-conversation = 下一个会话
key-previous-conversation = 上一个会话
key-next-unread = 下一个有未读消息的会话
keys-to = { $first } 到 { $last }
key-conversation = 到该编号的会话
key-page-up = 往回看聊天内容
key-page-down = 往下看
key-bottom = 到最新的消息
key-search = 搜索聊天内容
key-help = 显示按键和命令
key-sidebar = 显示或隐藏会话列表
key-members = 显示或隐藏房间成员
key-cancel = 关闭打开的东西
key-redraw = 重新绘制
key-interrupt = 清空正在写的内容；按两次：退出
key-suspend = 回到 shell；用 fg 返回

## 粘贴。方括号里的字母是按键。

paste-lines =
    { $count ->
       *[other] 粘贴了 { $count } 行：[m] 作为一条消息  [l] 逐行发送  [e] 编辑  [d] 丢弃
    }
paste-too-long =
    { $count ->
       *[other] 粘贴了 { $count } 行，一条消息放不下：[l] 逐行发送  [d] 丢弃
    }

paste-hopeless =
    { $count ->
       *[other] 粘贴了 { $count } 行，其中有一行太长，无法发送：[d] 丢弃
    }

## 通知

notify-count =
    { $count ->
       *[other] { $count } 条未读消息
    }
notify-name = { $name } 给你发来消息
notify-text = { $name }：{ $text }
