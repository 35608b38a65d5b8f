### p2pchat --help。英文写在 src/cli.rs 中，这里是中文：命令是 `cli-命令`，它的选项是 `cli-命令--选项`，所有命令共有的选项是 `cli--选项`。

cli = 与另一台电脑直接聊天，端到端加密。不带命令：打开聊天，等待别人呼叫；带 --peer：打开与某人的会话。
help-usage = 用法：
help-env = [环境变量：{ $name }]
help-default = [默认值：{ $value }]
help-values = [可选值：{ $values }]
help-after =
    退出码：
      0  完成
      1  内部错误
      2  用法错误
      3  会合服务器上没有这个名字
      4  对方不在线；未送达的内容会保留，稍后送出
      5  无法连接会合服务器
      6  没有通往对方的路径
      7  某人的公钥变了；已停止
      8  被拒绝（名字属于另一个公钥等）
      9  对方使用另一个版本
     10  传输不完整，可以续传
     11  等待的内容没有在 --timeout 之内到来

    示例：
      p2pchat demo                                只在本机上试用
      p2pchat doctor --rendezvous chat.example.org
      p2pchat --name bob --peer alice@chat.example.org
      tail -f log | p2pchat --peer ops@chat.example.org
      p2pchat send --to alice '构建通过了'

## 命令行有误。英文由解析器自己说

typed = p2pchat: { $what }
typed-unknown = 没有 { $arg } 这个选项或参数
typed-no-command = 没有 { $command } 这个命令
typed-command-missing = { $command } 之后缺少命令
typed-missing = 缺少 { $args }
typed-twice = { $arg } 只能用一次
typed-conflict = { $arg } 不能与 { $other } 同时使用
typed-value = { $value } 不能用作 { $arg } 的值
typed-value-because = { $value } 不能用作 { $arg } 的值：{ $why }
typed-value-missing = { $arg } 之后缺少值
typed-value-unwanted = { $arg } 不接受值，而这里有 { $value }
typed-meant = 是 { $meant } 吗？
typed-values = 可选值：{ $values }
typed-help = 详细说明：p2pchat --help
typed-no-reason = 它没有意义
typed-no-link = 链接的样子是 p2pchat:NAME@HOST#KEY?key=KEY。短码要等询问时再输入
typed-no-key = 公钥有 52 个字母和数字（a-z、2-7）
typed-no-time = 时间写作 30s、500ms 或 2m
typed-no-number = 应为数字
typed-no-socket = 应为地址，例如 0.0.0.0:40000

## 选项

cli--help = 显示帮助
cli--version = 显示版本
cli--name = 我的名字：首次使用时在会合服务器上登记，之后会被记住
cli--rendezvous = 可以找到我的服务器，最多四台，其中一台失效也不影响；省略则使用上次的，或 --peer 中的那台
cli--plain = 行模式：消息输出到 stdout，其余输出到 stderr（没有终端时自动启用）
cli--json = 双向都是每行一个 JSON 对象
cli--data-dir = 身份、联系人和历史记录存放在哪里
cli--config = 使用另一个配置文件，而不是 DIR 或系统目录中的 config.toml
cli--bind = 使用的本地 UDP 地址
cli--no-port-mapping = 不请求路由器转发端口（PCP、NAT-PMP、UPnP）
cli--strangers = 如何对待我不认识的来电者：等我 /accept，立即成为联系人，或不应答
cli--no-lan = 既不让联系人在局域网中找到我，也不在局域网中寻找他们
cli--visible = 把我的名字和公钥告诉局域网中的所有人：双方都这样做，就可以不用服务器见面
cli--relay-only = 从不直连：对方不会知道我的 IP 地址
cli--direct-only = 从不经中继发送正文
cli--lang = 我的语言；省略则使用系统的语言
cli--timeout = 输入结束后等待多久，例如 30s（不写时）或 2m；`recv`、`follow` 和 `ask` 一共等这么久，它们和 `send --file` 不写则一直等
cli--wait = 管道输入结束后等待什么；不写是 delivered，`send --file` 则是 received
cli--peer = 与谁聊天；认识一台会合服务器之后可以省略服务器，局域网中的人也不用写
cli--room = 进入哪个房间，与 /join 相同
cli--serve = 同时在本进程中运行会合服务器（不写地址则监听所有地址的 3478 端口）

## 命令

cli-help = 显示帮助，或某个命令的帮助
cli-id-help = 显示帮助，或某个命令的帮助
cli-history-help = 显示帮助，或某个命令的帮助
cli-config-help = 显示帮助，或某个命令的帮助
cli-demo = 在本机上与回声聊天：一台会合服务器和两个真实的对等端，通过 UDP
cli-doctor = 查明本机与会合服务器之间隔着什么，以及该怎么办
cli-doctor--peer = 同时连接此人，并说明路径为何如此
cli-id = 显示我的名字、公钥和会合服务器
cli-id-words = 把身份输出为 24 个单词：抄在纸上的备份，在另一台电脑上凭它就能成为我
cli-id-words--list = 使用哪一份词表
cli-id-words--yes = 不询问，也允许输出到管道或文件
cli-id-restore = 从终端或标准输入读取 24 个单词，成为它所代表的人；已有身份时不执行
cli-passphrase = 说明读取这份数据（聊天记录、联系人和身份）是否需要口令
cli-passphrase-help = 显示帮助，或某个命令的帮助
cli-passphrase-set = 用口令加密这份数据，或者更换口令；忘记口令就失去聊天记录。此后会询问口令，或从 P2PCHAT_PASSPHRASE_FILE 指明的文件读取
cli-passphrase-set--from = 不询问新口令：它是这个文件的第一行，文件只能由我读取
cli-passphrase-remove = 不再使用口令：能读这些文件的人就能读到全部内容
cli-invite = 生成邀请码并告诉对方：只能用一次，十分钟内有效，之后双方都确信对方的公钥无误
cli-invite--list = 使用哪一份词表
cli-accept = 接受邀请：会询问邀请码，或者从 P2PCHAT_CODE 或标准输入读取
cli-accept--link = 用链接代替邀请码
cli-contacts = 列出联系人及其公钥
cli-contacts-list = 列出联系人及其公钥
cli-contacts-show = 显示某人的全部信息
cli-contacts-show--whom = 谁：昵称、名字，或名字加会合服务器
cli-contacts-add = 从现在起认识某人
cli-contacts-add--whom = 谁；没有写明会合服务器时用上次的那台
cli-contacts-add--key = 对方必须证明的公钥；不给则相信第一个自称此名的人。名字与某个联系人相像时必须给出
cli-contacts-add--nickname = 在本机怎么称呼
cli-contacts-rename = 在本机另外称呼某人
cli-contacts-rename--whom = 谁
cli-contacts-rename--nickname = 怎么称呼；不给则恢复原名
cli-contacts-remove = 忘记某人以及所有聊天记录
cli-contacts-remove--whom = 谁
cli-contacts-remove--yes = 即使有聊天记录
cli-contacts-verify = 显示对方也能看到的十二个词，或进行核对
cli-contacts-verify--whom = 谁
cli-contacts-verify--words = 对方念出的词，或二维码的内容
cli-contacts-verify--list = 显示这份词表的词
cli-history = 输出聊天记录，最早的在前
cli-history--with = 只看与此人的；与 NAME 相同
cli-history--search = 只看包含此内容的行，最新的在前：以此开头的单词；没有空格的文字则为其中连续的字
cli-history-export = 把聊天记录写入文件或标准输出
cli-history-export--format = 供阅读的格式，或者供另一台电脑使用的 json：其中还有联系人和服务器
cli-history-export--with = 只导出与此人的
cli-history-export--output = 一个只有我能读的新文件；已有的文件不会被覆盖
cli-history-import = 导入我的另一份数据以 JSON 导出的内容；本机已有的不会改变
cli-history-import--file = 导出的文件；- 表示标准输入
cli-history-keep = 显示或设定聊天记录保留多久。未送达或未看过的会留下
cli-history-keep--time = 例如 90d、12w 或 forever
cli-history--peer = 只看与此人的
cli-history--lines = 最多输出这么多行，取最新的
cli-send = 发送一条消息或一些文件，按 --wait 等待，然后退出
cli-send-after =
    退出码：
      0  已送达，或已到 --wait 所说的程度
      1  内部错误
      2  用法错误，或没有内容；什么也没有发出
      3  会合服务器上没有这个名字，或没有这个房间
      4  对方不在线，或房间里没有人；已保存的内容稍后送出
      5  无法连接会合服务器；消息已保存
      6  没有通往对方的路径；消息已保存
      7  对方的公钥变了；已停止
      8  被拒绝，或没能进入房间；什么也没有发出
      9  对方使用另一个版本
     10  有文件没有及时收完；下次启动时继续
cli-send--to = 发给谁
cli-send--text = 消息内容；多个词用空格连接。不写时，标准输入就是消息；只写 - 时，把标准输入作为文件提供
cli-send--files = 改为提供这些文件和文件夹，并等到对方收到；- 表示标准输入
cli-send--called = 标准输入作为文件时的名称
cli-recv = 打印尚未被 recv 打印过的下几条消息（没有就等），然后退出
cli-recv-after =
    退出码：
      0  所等的都已打印
      1  内部错误
      2  用法错误
      3  没有这个房间
      7  所等之人的公钥变了；已停止
      8  被拒绝，或文件已被撤回
     10  文件不完整，下次 recv --file 时继续
     11  没有在 --timeout 之内全部到来；以后到来的留给下一次 recv
cli-recv--count = 等多少条
cli-recv--from = 只等这个人的
cli-recv--file = 接受下一个提供给我的文件，完整收到后写到标准输出
cli-follow = 打印双方说的话，直到被结束
cli-follow--with = 只看与这个人的会话
cli-ask = 向某人提问并等待回答，由退出码说出
cli-ask-after =
    退出码：
      0  第一个选项；没有 --choices 时，任何回答
      1  第二个选项，依此类推

    没有回答时：
    101  内部错误
    102  用法错误，或没有问题；什么也没有问
    103  会合服务器上没有这个名字，或没有这个房间
    104  对方不在线，或房间里没有人；已保存的内容稍后送出
    105  无法连接会合服务器；问题已保存
    106  没有通往对方的路径；问题已保存
    107  对方的公钥变了；已停止
    108  被拒绝，或没能进入房间；什么也没有问
    109  对方使用另一个版本
    111  没有在 --timeout 之内回答；以后到来的回答是普通的一行
cli-ask--to = 问谁
cli-ask--question = 问题；多个词用空格连接
cli-ask--choices = 可以怎样回答，用逗号分隔；不写则任何回答都行。退出码说出是哪一个，第一个为 0
cli-hold = 在后台运行聊天，供终端、机器人和脚本加入和离开
cli-hold--foreground = 不进入后台：供服务管理器使用
cli-hold--end = 结束这份数据上正在运行的聊天，不论由谁运行
cli-hold--detached = 这就是后台的那个进程
cli-hold--succeeds = 这就是接手另一个进程聊天的那个进程，封存数据的密钥已写到它的标准输入
cli-status = 显示情况：聊天是否在运行、哪些服务器认识我、谁在
cli-config = 显示、检查和修改配置文件
cli-config-path = 显示文件在哪里，不论它是否存在
cli-config-check = 指出其中的每个错误及所在行；有错误时退出码为 2
cli-config-show = 显示当前的设置及其来源：选项、文件或默认值
cli-config-template = 输出一份列出所有设置但什么都不改变的文件，供起步使用
cli-config-set = 设置一项；注释保持原样
cli-config-set--key = 例如 ui.theme 或 keys.search
cli-config-set--value = 它的值，引号可有可无
cli-config-unset = 把一项恢复为程序的默认
cli-config-unset--key = 例如 ui.theme
cli-completions = 输出某种 shell 的补全脚本
cli-completions--shell = 哪种 shell
cli-man = 输出手册页
cli-man--to = 把手册页和每个命令的页写入一个目录
