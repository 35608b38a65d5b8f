### config.toml 里可以写什么：`setting-KEY`，键中的点写成连字符。模板和手册页也用这些句子。

setting-name = 我的名字，首次使用时在会合服务器上登记
setting-rendezvous = 可以找到我的服务器，最多四台
setting-language = 界面的语言："en" 或 "zh"
setting-downloads = 接收的文件放在哪个文件夹；不写则是桌面的下载文件夹
setting-network-bind = 使用的本地 UDP 地址
setting-network-port-mapping = 是否请求路由器转发端口（PCP、NAT-PMP、UPnP）
setting-network-lan = 局域网中谁能找到我："off"（没有人）、"contacts"（联系人）或 "everybody"（所有人）
setting-network-paths = 允许哪些路径："any"（都允许）、"relay-only"（只经中继）或 "direct-only"（只用直连）
setting-network-congestion = 发送快慢如何决定："bbr"（依据路径带宽）或 "cubic"（依据丢包）
setting-contacts-strangers = 如何对待我不认识的来电者："request"（等我决定）、"accept"（立即成为联系人）或 "refuse"（不应答）
setting-ui-theme = "dark"、"light"、"mono"，或者一节 [themes.NAME] 的名称
setting-ui-symbols = 标记用什么字符："unicode" 或 "ascii"
setting-ui-ambiguous = 在东亚字体中为全宽的字符占几格，1 或 2；省略则依系统的语言而定
setting-ui-sidebar = 终端达到 90 列时是否显示会话列表
setting-ui-notify = 通知说出多少："none"（不通知）、"count"（条数）、"name"（是谁）或 "text"（内容）
setting-ui-mouse = 鼠标滚轮是否滚动；此时要按住 Shift 才能用终端自己的选择

## p2pchat config template 和 p2pchat config show

template-example = 例如：{ $line }
from-option = 选项
from-file = 文件
from-default = 默认

## 错误在哪里。`$what` 是下面的句子之一

mistake = {"  "}{ $what }
mistake-at = {"  "}第 { $line } 行：{ $what }
mistake-in = { $place }：{ $what }

## 不是 TOML，或者没有这个键

wrong-syntax = 这不是 TOML：{ $error }
wrong-unknown = 没有 { $key } 这项设置
wrong-unknown-nearest = 没有 { $key } 这项设置；是 { $nearest } 吗？

## 键的值应当是什么

wrong-text = { $key } 应为引号中的文字
wrong-texts = { $key } 应为文字的列表，例如 ["a", "b"]
wrong-switch = { $key } 应为 true 或 false
wrong-choice = { $key } 应为以下之一：{ $words }
wrong-cells = { $key } 应为 1 或 2
wrong-socket = { $key } 应为地址，例如 "0.0.0.0:40000"
wrong-name = { $key } 不是名字：{ $why }
wrong-rendezvous = { $key } 指定的不是会合服务器：{ $why }
wrong-servers = { $key } 指定了超过 { $most } 台服务器
wrong-chords = { $key } 应为按键，例如 "ctrl+f"，或者按键的列表；"" 表示没有按键
wrong-colours = { $key } 应为一节颜色
wrong-colour = { $key } 应为颜色，例如 "cyan" 或 "#88c0d0"
wrong-table = { $key } 应为一节

## 为什么不是地址

address-no-host = 缺少主机：请写 HOST 或 HOST:PORT，例如 chat.example.org
address-host = 主机名里不能有 { $character }
address-brackets = IPv6 地址要写在方括号里：[2001:db8::1] 或 [2001:db8::1]:3478
address-port = 端口是 1 到 65535 的数字
address-key = “#”之后应当是会合服务器的公钥：公钥有 52 个字母和数字（a-z、2-7）

## 按键

chord-unknown-action = 没有名为 "{ $name }" 的操作
chord-unknown-action-nearest = 没有名为 "{ $name }" 的操作；是 "{ $nearest }" 吗？
chord-bad = "{ $chord }" 不能用作 { $action } 的按键：{ $why }
chord-conflict = { $chord } 同时用于 { $first } 和 { $second }；请为其中之一换一个按键
chord-begins = { $chord }（{ $action }）是 { $longer }（{ $other }）的开头，后者就永远按不出来
chord-empty = 其中缺少按键
chord-unknown-key = 没有名为 "{ $name }" 的按键
chord-unknown-modifier = "{ $name }" 不是 ctrl、alt、shift 之一
chord-same-byte = 终端无法区分 { $one } 和 { $other }
chord-writes = "{ $chord }" 是用来输入的文字
chord-too-long = 按键超过两个

## 配色

theme-unknown = 没有名为 "{ $name }" 的配色；现有 { $known }
theme-unknown-part = 没有名为 "{ $part }" 的部分
theme-unknown-part-nearest = 没有名为 "{ $part }" 的部分；是 { $nearest } 吗？
theme-bad-style = "{ $word }" 不是颜色；请写 cyan、#88c0d0 或 110，前面可以加 bold、dim、italic、underlined 或 reversed，后面可以加 "on COLOUR"

## 手册页。反引号之间的内容是输入的

man-name = 名称
man-synopsis = 概要
man-description = 说明
man-extra = 其他
man-version = 版本
man-commands = 聊天中的命令
man-keys = 按键
man-keys-intro = 用于终端界面。每个按键都可以在配置文件的 `[keys]` 一节里更改，写在括号中的名称之下。
man-settings = 配置文件
man-settings-intro = 文件在哪里，由 `p2pchat config path` 显示。选项优先于文件。其他按键写在 `[keys]` 一节，颜色写在 `[themes.NAME]` 一节。
man-example = ，例如{" "}
