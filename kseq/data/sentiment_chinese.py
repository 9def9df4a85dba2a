"""The Chinese patterns and lists of the embedded sentiment set.

A pattern serves both labels: see `kseq.data.sentiment_sentences` for the signs. An opinion word alone
tells little; negation, contrast and comparison turn it around about as often as not.
"""

from kseq.data.entity_grammar import Grammar

OPINIONS = {
    "good_mild": """
        好 舒服 干净 有趣 热情 周到 便宜 新鲜 流畅 精致 实用 安静 好看 好听 方便 生动 自然 贴心 整洁 稳定
        动人 幽默 细致 可靠 清楚 好用 耐看 合理 大方 亲切 讲究 省心 温馨 明亮 好吃 漂亮""",
    "bad_mild": """
        差 难受 脏 无聊 冷淡 马虎 贵 陈旧 卡顿 粗糙 鸡肋 吵 难看 难听 麻烦 枯燥 做作 敷衍 凌乱 单调
        乏味 拖沓 糊涂 松散 混乱 难用 俗气 离谱 小气 生硬 潦草 费劲 冷清 昏暗 难吃 简陋""",
    "good_strong": """
        出色 精彩 完美 优秀 惊艳 绝妙 一流 卓越 超值 感人 震撼 杰出 迷人 美妙 满意 高明 可爱 华丽 经典
        难忘 扎实 精美 痛快""",
    "bad_strong": """
        糟糕 恶劣 失败 可怕 恶心 荒唐 低劣 差劲 不堪 窝火 拙劣 可笑 丢人 失望 后悔 愚蠢 讨厌 可恶 生气
        郁闷 凄惨 坑人 闹心 粗劣 恐怖 掉价 糟心""",
    "good_verb": "喜欢 欣赏 推荐 赞赏 佩服 享受 称赞 爱上 看好 夸奖 怀念 认可",
    "bad_verb": "讨厌 反感 嫌弃 厌烦 抱怨 受够 批评 看不起 痛恨 鄙视 埋怨 否定",
    "good_noun": """
        享受 惊喜 杰作 精品 成功 佳作 福气 珍品 亮点 奇迹 美事 宝贝
        恩赐 艺术品 奇观 礼物 乐趣""",
    "bad_noun": "折磨 灾难 惨剧 负担 污点 悲哀 败笔 次品 失败 烂作 骗局 废品 噩梦 笑话 憾事 垃圾",
}
WORDS = {
    "aspect": """
        剧情 演技 音乐 结局 台词 节奏 故事 服务 房间 早餐 风景 前台 价格 屏幕 电池 音质 设计 封面 文笔
        菜单 泳池 花园 键盘 镜头 灯光 翻译 装修 咖啡 汤 面包 物流 包装 位置 态度 味道 手感""",
    "item": "电影 书 酒店 餐厅 手机 话剧 专辑 电视剧 演出 音乐会 电脑 小说 咖啡馆 相机 游戏 民宿 酒吧 课程",
    "who": "我妹妹 我哥哥 同事们 全家人 邻居 一个朋友 我妈妈 我太太 我先生 导游 影评人 半数客人",
    "very": "很 非常 真的很 特别 相当 实在 确实很 十分",
    "number": "五 十 二十 三十",
}
PATTERNS = """
{aspect}{very}{=any}。
{aspect}{=mild}，{aspect}也{=mild}[，{aspect}更是{=strong}|]。
我[{very}|]{=verb}这里的{aspect}。
多么{=any}的{item}啊！
{who}都{=verb}{aspect}[，我也一样|]。
这[次|个]{item}[简直|]是一[种|个]{=noun}。
{aspect}和{aspect}都{very}{=any}。
很少见到{aspect}这么{=any}的{item}。
{who}说{aspect}{=any}，我同意。
说实话，{aspect}{=any}，{aspect}也{=any}。
一句话：{aspect}{=mild}，{aspect}{=strong}。
我和{who}都{=verb}{aspect}。
不得不说，{aspect}{very}{=any}。
{aspect}、{aspect}、{aspect}，样样{=any}。
因为{aspect}{=any}，所以{item}{very}{=any}。
我从一开始就{=verb}{aspect}。
{number}分钟我就知道，这个{item}是{=noun}。
真是{=noun}，{aspect}也{=any}。
{=any}的{aspect}，{=any}的{aspect}。
这{aspect}，我{very}{=verb}。
[总之|总的来说]，{item}{=any}，{aspect}{=any}。
{aspect}[一点也|完全]不{!mild}。
{aspect}不[算|是很|太]{!mild}。
我[一点也|从来|并]不{!verb}这个{item}。
这个{item}没有什么{!mild}的地方。
没有人{!verb}{aspect}。
谁会说{aspect}{!any}呢？
我绝不会说这个{item}{!any}。
{aspect}谈不上{!any}。
{aspect}哪里{!mild}？
我没有一刻觉得{aspect}{!mild}。
{aspect}不但不{!mild}，反而{very}{=any}。
这个{item}算不上{!noun}。
你不会{!verb}这个{item}的。
{aspect}和{aspect}都不{!mild}。
连{aspect}也不{!mild}。
{aspect}远没有大家说的那么{!any}。
<幸好/可惜>{aspect}不{!mild}。
<谢天谢地/真遗憾>，这个{item}并不{!mild}。
不能说{aspect}不{=mild}。
说{aspect}不{=mild}，那是不对的。
没有人不{=verb}{aspect}。
我认识的人里没有一个不{=verb}这个{item}。
这个{item}不可能不{=mild}。
我不认为{aspect}不{=mild}。
不是{aspect}{!mild}，[而|其实]是{aspect}{=mild}。
{aspect}{!any}，但是{aspect}{very}{=any}[，这才是最重要的|]。
本来<以为会讨厌/想喜欢>这个{item}，结果{=any}。
<原来没抱希望/原来很期待>，但{aspect}{very}{=any}。
虽然{aspect}{!any}，但[整个|]{item}{=any}。
{item}{very}{=any}，虽然{aspect}{!mild}。
前半部分{!any}，后半部分却{very}{=any}。
{who}说{item}{!any}，可我{=verb}它。
网上的评价{!any}，[真正的|]{item}却{=any}。
刚开始我{!verb}{aspect}，[最后|一周以后|第二天]却{=verb}起来。
尽管{aspect}{!any}，我还是{=verb}这个{item}。
就算{aspect}{!any}，也<毁/救>不了这么{=any}的{item}。
{aspect}看上去{!any}，其实{very}{=any}。
{who}说是{!noun}，我得到的却是{=noun}。
本来可以是{!noun}，结果这个{item}成了{=noun}。
我以为{aspect}会{!any}，我错了。
有人说{aspect}{!any}，我不同意。
别听人说{aspect}{!any}，这个{item}{very}{=any}。
{aspect}{!mild}吗？[不|一点也不]。
{item}{!mild}吗？不，{very}{=any}。
{aspect}{=mild}吗？[是的|当然]。
{number}分钟以后，{aspect}不再{!any}，变得{=any}了。
{aspect}是{!mild}了点，不过我{=verb}这个{item}。
{aspect}比[上次|想象的|以前]<好/差>[多了|得多]。
上次的{item}{!any}，这次的{=any}。
跟这个{item}一比，上一个显得{!any}。
{aspect}<没有/比>[上次|以前|别家]<那么/更>{bad_mild}。
{aspect}<比/没有>[上次|以前|别家]<更/那么>{good_mild}。
没有哪个{item}比这个更{=any}。
上一个{item}有多{!any}，这一个就有多{=any}。
{who}觉得{aspect}{!any}，我却相反，{=verb}得很。
{aspect}越看越<让人/不让人>{good_verb}。
{aspect}越看越<不让人/让人>{bad_verb}。
我<还会/不会再>来，{aspect}就是原因。
<很少/很多>客人{bad_verb}{aspect}。
<很多/很少>客人{good_verb}{aspect}。
我<不再/开始>{bad_verb}这个{item}的{aspect}了。
"""
CHINESE = Grammar(OPINIONS, WORDS, {}, PATTERNS, by_character=True)
