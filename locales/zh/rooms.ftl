### 房间：谁来，谁走，谁可以进来。

room-nobody = 没有人
room-made = 原来没有房间 { $room }，现在它是你的了。知道名字的人都能进来：/join { $room }。
room-made-invited = 原来没有房间 { $room }，现在它是你的了。只有成员邀请的人才能进来：/invite { $room } 名字。
room-entered =
    { $count ->
        [1] 你在 { $room } 里，没有别人。
       *[other] 你在 { $room } 里，一共 { $count } 人；房主是 { $owner }。
    }
room-about = 话题：{ $topic }
room-nobody-here = 有房间 { $room }，但现在没有能让你进去的人。一有人来，你就进去。
room-left = 你已离开 { $room }。你在的时候说过的话留在这里。
room-farewell = 稍等：正在告诉 { $room } 里的人你已离开。
room-came =
    { $count ->
        [1] { $names } 进入了 { $room }。
       *[other] { $count } 人进入了 { $room }：{ $names }。
    }
room-gone =
    { $count ->
        [1] { $names } 离开了 { $room }。
       *[other] { $count } 人离开了 { $room }：{ $names }。
    }
between-names = 、
room-one-came = { $name } 来了。
room-one-left = { $name } 走了。
room-moved = { $count }：{ $names }
room-moved-both = { $came }，{ $left }：{ $in }；{ $out }
room-count-came = 来了 { $count } 人
room-count-left = 走了 { $count } 人
room-kicked = { $name } 被房主移出了 { $room }。
room-kicked-us = 你被房主移出了 { $room }，房主再次邀请你才能回来。
room-owner = 从现在起 { $room } 的房主是 { $name }。
room-topic = { $name } 设定了 { $room } 的话题：{ $topic }
room-topic-none = { $name } 取消了 { $room } 的话题。
room-invited = { $by } 邀请 { $name } 进入 { $room }。
room-not-admitted = 你不能进入 { $room }：{ $why }。情况一变，你会自动进去。
room-other = 停：服务器说 { $room } 现在是另一个房间，不是你所在的那个。你留在原来的房间，和你认识的人在一起。要么服务器丢了数据，要么它想把你引到别处。
room-server-refuses = 服务器不告诉你谁在 { $room } 里：{ $why }。会再问。
room-server-full = 人数已到服务器的上限
room-server-busy = 服务器太忙
room-forges = 停：{ $name }（密钥 { $key }）在 { $room } 里发来的内容不是署名者签的，或属于别的房间。没有收下；下次连接之前，{ $name } 发来的都不收。
room-namesake = 停：{ $room } 里有人自称 { $name }，密钥是 { $key }。你认识的 { $name } 的密钥是 { $known }。他说话时名字后面有 !；/members 显示谁有哪个密钥。
room-two-histories = 停：{ $name }（密钥 { $key }）对 { $room } 的不同成员说了不同的话，有证据。那以后说的不算数，{ $name } 已不在房间里。
room-refusal-not-invited = 只有成员邀请的人可以进来
room-refusal-kicked = 房主已把你移出
room-refusal-full = 人数已满，上限是 30 人
room-refusal-too-often = 你进出太多次；房主可以再次邀请你
room-refusal-not-owner = 只有房主能这样做
room-refusal-not-member = 你不在里面
room-refusal-worn-out = 对这个房间做过的事太多；除了说话，只有房主还能做别的
room-refusal-unknown = 那里的人不知道这个房间
problem-not-in-room = 你不在 { $room } 里；什么也没有做。/join { $room } 可以进去。
problem-no-such-room = 没有房间 { $room }；p2pchat --room { $name } 会建立它。
problem-not-let-in = 没能及时进入 { $room }：没有能让你进去的人在。这一行没有保存；请以后再发。
problem-room-denied = 没能进入 { $room }：{ $why }。这一行没有保存。
problem-which-room = 哪个房间？请写出名字，比如 #tea，或先打开它。
problem-kicks-oneself = 那是你自己：/leave { $room } 可以离开。
problem-no-key-to-invite = 这里不知道 { $peer } 的公钥，而邀请放行的是公钥，不是名字。请先与 { $peer } 交谈：/connect { $peer }。
problem-topic-too-long = 房间的话题最多 { $bytes } 字节；什么也没有做。
problem-no-server = { $room } 需要一个你使用的服务器：--rendezvous 主机。
problem-room = 不行：{ $why }。
room-summary =
    { $count ->
        [1] { $room }：你在里面，没有别人。
       *[other] { $room }：{ $count } 名成员，{ $here } 人在场。
    }
room-summary-waiting = { $room }：你在等人让你进去。
room-here = { $count } 名成员，{ $here } 人在场
room-members = { $room } 里有：
room-member-owner = 房主
room-member-us = 你
room-member-here = 已连接
room-member-away = 不在
room-lines-count = { $name } 在 { $room } 中被撤销的 { $count } 行重新有效，/history 可以看到。
room-lines-kicked = { $name } 的 { $count } 行已撤销：它们送到 { $room } 的主人之前，{ $name } 已被主人移出。
room-lines-two-histories = { $name } 的 { $count } 行已撤销：{ $name } 对 { $room } 的不同成员说了不同的话。
room-lines-no-member = { $name } 的 { $count } 行已撤销：写下时 { $name } 不在 { $room } 中。
room-progress = { $of } 人中 { $have } 人已收到
room-receipts = { $all } 人中有 { $has } 人已收到：{ $names }
room-receipts-none = 还没有人收到。
room-receipts-waiting = 还在等 { $names }。
room-receipts-nobody = 当时没有别人在。
problem-no-rooms = 你不在任何房间里。/join #tea 进入一个，或新建一个。
problem-nobody-there = { $room } 里没有叫这个名字的人。/members 显示有谁。
