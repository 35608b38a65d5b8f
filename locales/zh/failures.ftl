### 为什么没有做成。多数跟在“p2pchat: ”之后。

as-it-is = { $text }
terminal-unusable = 终端无法使用：{ $error }；请试试 --plain
terminal-closed = 终端无法使用：{ $error }
input-unreadable = 无法读取输入：{ $error }
no-home-for-data = 系统没有说明你的主目录在哪里；请用 --data-dir DIR 指定位置
no-home-for-config = 系统没有说明你的主目录在哪里；请用 --config FILE 指定文件
no-signals = 无法接收信号：{ $error }
no-socket = 无法打开 UDP 套接字：{ $error }
no-socket-on = 无法在 { $address } 上打开 UDP 套接字：{ $error }
no-files-thread = 无法启动处理文件的线程：{ $error }
no-randomness = 操作系统没有提供随机数：{ $error }
no-runtime = 系统拒绝了网络程序所需的资源：{ $error }
no-rendezvous-started = 无法启动会合服务器：{ $error }
home-unusable = 无法使用 { $path }：{ $error }。请用 --data-dir 另选目录
home-in-use = 另一台会合服务器正在使用 { $path }。请先停止它，或用 --data-dir 另选目录
home-bad-key = { $path } 中没有密钥：应当是 64 位数字（0-9、a-f）。请恢复备份；否则服务器会有新的公钥，记住旧公钥的人都会收到警告
not-written = 所要的内容无法写出：{ $error }

## 命令行

config-no-name = 还没有名字，因此没有人能呼叫你。请用 --name NAME（或 P2PCHAT_NAME）取一个；它会被记住
config-no-rendezvous = 还不知道任何会合服务器。请用 --rendezvous HOST 指定一台，或用 --peer NAME@HOST 呼叫别人，或用 --serve 自己运行一台；它会被记住。若要不用服务器而在局域网中见面，请双方都加 --visible 启动 p2pchat
config-no-lan = { $name }@{ $host } 是局域网中的人，而 --no-lan 和 --relay-only 不使用局域网
config-too-many-servers = 指定了 { $servers } 台会合服务器；最多同时使用 { $most } 台
config-two-keys = 会合服务器 { $host } 被指定了两个公钥；它只能证明其中一个

## 配置文件

file-missing = { $path } 不存在；一切按程序的默认设置。
file-in-order = { $path } 没有问题。
file-silent = { $path } 没有设置 { $key }。
file-unreadable = 无法读取 { $path }：{ $error }
file-unwritable = 无法写入 { $path }：{ $error }
file-too-long = { $path } 超过 { $limit } KiB
file-mistaken = { $path } 有问题：
file-correct-it = 请改正，或用 --config FILE 换一个文件。
not-settled = 未设置

## 数据目录

profile-busy = 另一个 p2pchat 正在使用 { $path } 中的数据。请先关闭它，或用 --data-dir 另选一处。
profile-readable = 本机的其他用户可以读取 { $path }，其中是你的私密身份。如果没有人读过，请运行 `chmod 600 { $path }` 后重新启动；如果可能有人读过，请把它移走，程序会生成新的身份。
profile-bad-identity = { $path } 不是身份文件：它应当有 32 字节。请把备份放回那里，或者把它移走，程序会生成新的身份，但你的联系人不认识它。
profile-has-identity = { $path } 已经是一个身份，什么都没有改变。请用 --data-dir DIR 把另一个身份恢复到单独的目录，或者先把这个移走。
profile-sealed = { $path } 中的数据已用口令加密。
profile-unclean = { $path } 中的数据已加密，但另一个 p2pchat 正在读取它，所以文件里可能还留有先前的内容。下次启动时会清除。
profile-unreadable = 无法读取 { $path }：{ $error }。
profile-unwritable = 无法写入 { $path }：{ $error }。
profile-uncreatable = 无法创建 { $path }：{ $error }。
profile-unlockable = 无法锁定 { $path }：{ $error }。
profile-unremovable = 无法删除 { $path }：{ $error }。
profile-unusable = 无法使用 { $path }：{ $error }。
profile-older = { $path } 是由较旧的 p2pchat 写入的。请先启动一次 p2pchat 使其更新，然后重试。
profile-newer = { $path } 是由更新的 p2pchat 写入的（格式为 { $found }，本程序只认识到 { $known }）。什么都没有改变；请使用更新的程序。
profile-no-randomness = 操作系统没有提供随机数，因此无法生成身份。

## 脚本

contacts-no-room = { $room } 是房间，不在联系人之列；可在聊天中用 /rooms 和 /members 查看
hold-not-started = 无法在后台启动聊天：{ $error }
ask-no-text = 没有问题：请写在名字之后
send-no-text = 没有内容：请写在 --to NAME 之后，或写到标准输入
send-too-long = 一条消息最多 { $most } 字节
pipe-busy = 另一个 recv --file 正在等同样的文件
pipe-failed = { $path }：{ $error }
pipe-twice = 标准输入只能作为一个文件
ask-empty-choice = 有一个选项是空的：请给每个选项写上名字，比如 --choices yes,no
ask-same-choices = 有两个选项对回答的人来说是一样的：{ $choice }
ask-unanswered = 没有及时得到回答。问题已经发出；以后到来的回答是普通的一行。
recv-time-up = { $count } 条中及时到了 { $received } 条。以后到来的留给下一次 recv。
recv-file-time-up = 没有人及时提供文件。以后提供的文件等待下一次 recv --file，或 /accept。
ask-too-many-choices = 一个问题最多有 { $most } 个选项

## 另一个进程占着数据时

attach-joined = 这份数据上已有 p2pchat 在运行，你已加入。Ctrl+D 离开，它不会结束。
attach-version = 正在使用这份数据的 p2pchat 是另一个版本。请在它运行的地方关闭它（/quit），或结束它的进程，再启动这个
attach-full = 已有 { $guests } 个程序加入了正在使用这份数据的 p2pchat，不能再多了
attach-other-name = 正在使用这份数据的 p2pchat 名叫 { $name }。请用 --name { $name }，或不写名字，或用 --data-dir 另选一处
attach-other-options = 已有 p2pchat 在使用这份数据，它运行时没有 { $options }：第一个的选项对所有的都有效。去掉这些选项即可加入，或用 p2pchat hold --end 结束它，再启动这个
attach-slow = 正在使用这份数据的 p2pchat 说的话，这个程序读得太慢，因而被请走；已发出的不受影响
attach-nonsense = 正在使用这份数据的 p2pchat 听不懂这个程序说的话
attach-broken =
    { $count ->
        [0] 正在使用这份数据的 p2pchat 突然结束了。这里说过的都没有得到确认：是否已保存，请看历史记录
       *[other] 正在使用这份数据的 p2pchat 突然结束了。这里说过的前 { $count } 行已保存，之后的没有得到确认：请看历史记录
    }

## 口令

passphrase-ask = { $path } 的口令：
passphrase-ask-new = 新口令：
passphrase-ask-again = 再输入一次：
passphrase-wrong = 口令不对，请再试一次。
passphrase-wrong-again = 口令仍然不对；试了 { $tries } 次，什么都没有做，也没有改变
passphrase-wrong-in-file = { $path } 的第一行不是这份数据的口令；什么都没有改变
passphrase-needed = { $path } 中的数据已加密，而这里没有人可以输入口令。请在终端上启动 p2pchat，或者把口令写入只有你能读的文件，并用 { $variable } 指明它
passphrase-not-given = 没有输入口令；什么都没有改变
passphrase-file-unreadable = 无法从 { $path } 读取口令：{ $error }
passphrase-file-open-to-others = 本机的其他用户可以读取 { $path }，而其中有口令。如果没有人读过，请对它执行 `chmod 600`；如果可能有人读过，请另选口令
passphrase-file-empty = { $path } 中没有口令：第一行是空的
passphrase-set-needed = 这里没有人可以输入口令。请在终端上启动 p2pchat，或者用 --from FILE 指明只有你能读的文件；它的第一行将成为口令
passphrase-short = 口令至少要有 { $least } 个字符；几个词连在一起，比一个难记的词更容易记住
passphrase-differs = 两次输入的不一样；什么都没有改变
passphrase-is-set = 读取 { $path } 中的数据需要口令。
passphrase-is-not-set = 读取 { $path } 中的数据不需要口令：能读这些文件的人就能读到内容。`p2pchat passphrase set` 可以改变这一点。
passphrase-set = { $path } 中的数据已加密。没有口令谁也读不了，口令也无法找回：`p2pchat id words` 会显示应当抄在纸上的单词，万一忘了口令，凭它仍能成为你。
passphrase-changed = { $path } 中的数据换了口令。
passphrase-removed = { $path } 中的数据不再加密：能读这些文件的人就能读到全部内容。

## 写在纸上的身份

words-no-identity = { $path } 中还没有身份
words-terminal-only = 谁看到这些单词，谁就能冒充你，所以只在终端上显示；加 --yes 则照样输出
words-warning = 谁看到这 24 个单词，谁就能成为你，而且无法收回。
words-question = 确定没有人在旁边看吗？输入 yes 即可显示：
words-not-shown = 没有显示
words-ask = 请输入 { $words } 个单词，一行或多行均可：
words-restored = 这份数据现在的公钥是 { $key }。`p2pchat history import FILE` 可以带来联系人、名字和聊天记录；否则请用 --name 重新选定名字。
words-count = 身份由 { $words } 个单词组成，而这里有 { $typed } 个。
words-unknown = 第 { $place } 个单词不在任何一份词表中。请与你抄下的内容核对。
words-unknown-nearest = 第 { $place } 个单词不在任何一份词表中（是 { $nearest } 吗？）。请与你抄下的内容核对。
words-mixed = 这些单词来自两份词表；应当全是英文，或者全是中文。
words-checksum = 有一个单词不对，或者有两个单词换了位置：校验不符。请与你抄下的内容核对。
or = {" 或 "}

## 演示

demo-no-directory = 无法创建临时目录：{ $error }
demo-echo-unregistered = echo 无法登记：{ $cause }
demo-interrupted = 已中断
demo-too-long = 有一行输入比任何消息都长
demo-ended = 在全部内容返回之前，聊天就结束了
demo-wrong-echo = 返回的内容与所说的不同
demo-unregistered = { $seconds } 秒内没有任何进展：{ $sent } 行中有 { $delivered } 行已送达，{ $echoed } 行已返回；我们一直没有登记成功
demo-connected-only = { $seconds } 秒内没有任何进展：{ $sent } 行中有 { $delivered } 行已送达，{ $echoed } 行已返回；我们已连接
demo-unconnected = { $seconds } 秒内没有任何进展：{ $sent } 行中有 { $delivered } 行已送达，{ $echoed } 行已返回；我们没有连接

## 历史记录的导出与导入

export-no-profile = { $path } 中还没有数据
export-unwritable = 无法写入 { $path }：{ $error }
export-broken = 无法写出导出的内容：{ $error }。
export-exists = { $path } 已经存在，不会覆盖
export-done = { $path } 现有 { $lines }。
import-unreadable = 无法读取 { $path }：{ $error }
import-interrupted = 无法读取文件：{ $error }。
import-malformed = 文件第 { $line } 行与导出的格式不符：{ $problem }。什么都没有导入。
import-newer = 文件是由更新的 p2pchat 写入的（版本为 { $found }，本程序只认识到 { $known }）。什么都没有导入。
import-no-profile = { $path } 里还没有身份，而导出文件只属于一个人。请先用旧电脑上 p2pchat id words 显示的词恢复那个身份：p2pchat id restore。什么都没有导入。
import-other-identity = 这是 { $key } 的导出文件，而这份数据属于另一个人。请先把那个身份恢复到空的目录：p2pchat id restore。什么都没有导入。
import-database = 无法使用数据库：{ $error }。什么都没有导入。
not-exported-nothing = 内容为空
not-exported-too-long = 该行太长
not-exported-not-utf8 = 不是 UTF-8
not-exported-no-header = 没有以文件头开始
not-exported-second-header = 有第二个文件头
not-exported-text = 正文太长
not-exported-manner = 未知的种类，或者没有指明它所针对的行
not-exported-reference = 引用标记太长
not-exported-reactions = 回应太多或太长
not-exported-withdrawn = 它已失效，却没有说明属于哪个房间、原因是什么
not-exported-source = 收到的行没有说明来自谁、何时到达
import-done = 新增 { $lines }、{ $contacts }；原已有 { $known }。
import-outgoing = { $count } 行未送达的内容将会送出。
import-other-keys = { $count } 位联系人在文件中的公钥与本机不同，保留本机的公钥。
keep-forever = 聊天记录永久保留。
keep-days = 聊天记录保留 { $days }。未送达的和没有人看过的不会删除。
keep-no-time = { $typed } 不是时间：请写天数，例如 90d；或周数，例如 12w；或 forever（永久）
sentence-and-sentence = { $first }{ $second }
lines = { $count } 行
contacts = { $count } 位联系人
days = { $count } 天

## Invitations

invitation-tell = 把下面的邀请码当面或用你信得过的电话告诉对方。它只能用一次，{ $minutes } 分钟内有效。
    对方运行这条命令，在提示处输入：
    {"  "}{ $command }
    也可以发一个链接，其中没有秘密，但要用别人改不了的方式发送：
      p2pchat accept '{ $link }'
invitation-ask = 对方告诉你的邀请码：
invitation-introduced = { $peer } 现在是联系人，而且公钥无误：{ $key }。开始聊天：p2pchat --peer { $peer }
invitation-believed = { $peer } 现在是联系人，公钥以链接为准：{ $key }。还没有人核对过。开始聊天：p2pchat --peer { $peer }
link-other-key = 停止：{ $peer } 的公钥是另一个（{ $was }），不是链接所说的 { $key }。什么都没有改动。如果要作决定，请在聊天中输入 /accept 和这个链接。
invitation-wrong-words = 两边的词不一样，或者有人在中间试探。这个邀请码已作废，对方也已知道。请重新邀请：{ $invite }
invitation-over = 没有人及时接受邀请，或者服务器重新启动了。请重新邀请：{ $invite }
invitation-none = 这台服务器上没有这个邀请：号码不对、已过期，或者已被接受。请对方重新给你一个邀请码。
invitation-busy = 服务器收到的邀请太多，请一分钟后再试。
invitation-no-answer = 对方没有回应；在你接受之前，发出邀请的程序要一直运行。这个邀请码已作废，请对方重新给一个。
invitation-own = 这是你自己的邀请，要给别人用。
invitation-unreadable = 对方发来的内容这个版本读不懂，你们中有一方需要更新。这个邀请码已作废。
invitation-ended = 网络已停止
code-shape = 邀请码是一个号码加两个词，例如 7-orchard-clock。
code-unknown = 第 { $place } 个词不在任何一份词表中。请再问一次，邀请码还没有作废。
