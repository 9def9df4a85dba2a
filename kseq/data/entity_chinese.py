"""The Chinese patterns and lists of the embedded entity set.

Many a name stands in several lists, and as an ordinary word in the patterns: only the context tells.
"""

from kseq.data.entity_grammar import Grammar

NAMES = {
    "given": """
        建国 志强 国强 伟 芳 娜 秀英 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 超 秀兰 霞 刚 桂英 文静
        安静 和平 建设 高兴 向前 海洋 朝阳 长安 泰山 华山 山 河 海 雪 冰 春 秋 冬 晨 阳光 温馨
        平安 长城 黎明 永安 长春 吉林 丽江 大同 宝鸡 天水 晓明 晓燕 小红 小龙 子涵 子轩 雨桐 雨欣 欣怡
        梓涵 浩然 浩宇 宇航 俊杰 俊熙 思远 思琪 嘉怡 嘉豪 佳琪 诗涵 梦瑶 梦洁 雅琴 雅婷 玉兰 玉梅 玉珍
        淑珍 淑华 凤英 凤霞 春梅 春花 冬梅 秋菊 红梅 红霞 立新 立国 卫东 卫国 爱国 爱民 学文 学军 德华
        德明 家辉 家乐 天宇 天佑 一鸣 一凡 若曦 若兰 景行 景明 致远 明哲 清扬 怀瑾 书瑶 云飞 云鹏 鹏程
        万里 千里 成功 胜利 光明 自强""",
    "city": """
        北京 上海 天津 重庆 广州 深圳 南京 杭州 苏州 无锡 宁波 温州 合肥 福州 厦门 泉州 南昌 济南 青岛
        烟台 郑州 洛阳 开封 武汉 宜昌 襄阳 长沙 株洲 湘潭 岳阳 桂林 南宁 海口 三亚 成都 绵阳 乐山 贵阳
        遵义 昆明 大理 丽江 拉萨 西安 宝鸡 咸阳 兰州 天水 西宁 银川 沈阳 大连 鞍山 长春 吉林 哈尔滨 大庆
        石家庄 唐山 保定 承德 太原 大同 平遥 呼和浩特 包头 朝阳 平安 和平 永安 长安 东方 丽水 金华 黄山
        泰安 泰山 长治 安阳 安康 高安 高平 马山 黄石 黄冈 白城 白山 江门 江阴 石狮 常州 常德 常熟 香港
        澳门 台北 高雄 东京 大阪 京都 首尔 釜山 曼谷 河内 新加坡 雅加达 孟买 德里 伦敦 巴黎 柏林 慕尼黑
        罗马 米兰 马德里 里斯本 维也纳 布拉格 华沙 莫斯科 开罗 内罗毕 纽约 波士顿 芝加哥 华盛顿 旧金山
        洛杉矶 多伦多 悉尼 墨尔本 圣保罗 利马""",
    "province": """
        河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南
        陕西 甘肃 青海""",
    "country": """
        中国 日本 韩国 泰国 越南 印度 新加坡 马来西亚 印度尼西亚 法国 德国 英国 美国 俄罗斯 意大利 西班牙
        葡萄牙 荷兰 瑞士 瑞典 挪威 芬兰 丹麦 波兰 希腊 埃及 肯尼亚 南非 加拿大 墨西哥 巴西 阿根廷 智利
        秘鲁 澳大利亚 新西兰 约旦 以色列 土耳其""",
    "landmark": """
        长城 黄河 长江 泰山 华山 黄山 西湖 太湖 洞庭湖 天山 秦岭 珠江 淮河 故宫 天坛 嵩山 衡山 庐山
        钱塘江 鼓浪屿""",
    "brand": """
        小米 苹果 长城 平安 东方 阳光 太阳 海洋 向前 光明 和平 建设 大众 天猫 百合 红旗 永安 长安 吉利
        金龙 双喜 白云 春秋 蒙牛 锦江 恒泰 华信 中兴 新华 天元 宏远 瑞丰 盛达 博雅 金桥 联丰 安泰 方正
        海天 九州 万象 明珠 飞鹤 云帆 启明 星河 远景""",
    "field": """
        教育 财政 卫生 农业 交通 文化 科技 司法 环境 水利 能源 商务 民政 外交 国防 铁道 海洋 气象 地质
        建设""",
    "study": "师范 理工 医科 农业 财经 政法 外国语 交通 邮电 科技 工业 海洋 音乐 体育 美术",
    "paper": "日报 晚报 时报 早报 青年报 商报 周刊 电视台 晨报 都市报 广播电台",
    "year": " ".join(str(year) for year in range(1948, 2032)),
}
WORDS = {
    "surname": """
        王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 高 林 罗 郑 梁 谢 宋 唐 许 韩 冯 邓 曹 彭 曾
        肖 田 董 袁 潘 于 蒋 蔡 余 杜 叶 程 苏 魏 吕 丁 任 沈 姚 卢 姜 崔 钟 谭 陆 汪 范 金 石 廖 贾 夏
        韦 付 方 白 邹 孟 熊 秦 邱 江 尹 薛 闫 段 雷 侯 龙 史 陶 黎 贺 顾 毛 郝 龚 邵 万 钱 严 覃 武 戴
        莫 孔 向 汤 温 常 安 平 成 明 欧阳 司马 诸葛 上官 东方 慕容 长孙 皇甫 令狐 南宫 文 伍 柳 云 葛 路
        解 时 左 华 关 包 祝 季 牛 甘 喻 宫 房 童 申 古 井 应 凌 米 和 花""",
    "month": """
        一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月 1月 3月 5月 6月 8月 9月 10月 12月""",
    "day": " ".join(f"{day}日" for day in range(1, 32)),
    "weekday": "周一 周二 周三 周四 周五 周六 周日 星期一 星期三 星期五 星期六 星期天",
    "festival": "春节 中秋节 国庆节 元旦 清明节 端午节 劳动节",
    "trade": """
        钢铁 汽车 航空 保险 纺织 啤酒 物流 传媒 电力 食品 制药 软件 通信 建筑 化工 玩具 电器 银行 证券
        旅游 船舶 造纸""",
    "suffix": "公司 集团 有限公司 股份有限公司 厂 总公司",
    "job": """
        老师 医生 律师 工程师 记者 司机 厨师 画家 教授 作家 警察 农民 护士 法官 会计 演员 教练 校长 经理
        翻译""",
    "title": "先生 女士 老师 教授 总 主任 经理 医生 局长 书记 校长 教练 师傅",
    "good": "苹果 小米 钢材 茶叶 石头 木材 玩具 手机 大米 李子 丝绸 花 海鲜 电池 药品 面粉",
    "event": "会议 比赛 音乐会 展览 婚礼 庭审 演出 论坛 选举 罢工",
    "weather": "下雨 下雪 刮风 起雾 降温",
    "number": "2 3 5 8 12 20 36 48 75 110 三 五 十 二十 一百",
    "percent": "2 3 5 8 12 19 31",
    "club": "队 足球队 篮球队 俱乐部",
}
FORMS = {
    "person": """
        {surname}{given}
        {surname}{given}
        {surname}{given}
        {surname}{given}
        {surname}{given}
        {given}""",
    "place": """
        {city}
        {city}
        {city}[市|]
        {province}[省|]
        {country}
        {country}
        {landmark}
        {city}[路|街|东路|大街]
        {given}[路|村|镇|县]
        {surname}家[村|庄|湾|屯]
        {city}[火车站|机场|港|大桥|公园]
        {province}{given}[县|镇]""",
    "organisation": """
        {city}{trade}{suffix}
        {city}{brand}{trade}{suffix}
        {brand}{trade}[{suffix}|]
        {brand}
        {brand}
        {brand}集团
        {city}大学
        {city}{study}大学
        {city}[市|]{field}局
        {country}{field}部
        [国家|{province}省]{field}[部|厅|委员会]
        {city}第[一|二|三|八]中学
        {city}[市|]人民医院
        {city}{paper}
        {city}{club}
        {city}{club}
        {city}博物馆
        中国{trade}协会
        {surname}{given}基金会""",
    "full_year": "{year}年",
    "date": """
        {year}年
        {year}年{month}
        {year}年{month}{day}
        {month}{day}
        {month}
        {weekday}
        {year}年[春天|夏天|秋天|冬天|底|初]
        {festival}""",
}
PATTERNS = """
[{DATE}，|]{PER}加入了{ORG}[，担任{job}|]。
{PER}[出生于|生于]{LOC}，[{DATE:full_year}|后来]进入{ORG}。
{job}{PER}[从{LOC}|]来到{LOC}[，想找一份工作|]。
{ORG}[宣布|表示]，将[于{DATE}|]关闭在{LOC}的工厂。
{ORG:city}队[{number}比{number}|]战胜{ORG:city}队。
{ORG:city}以{number}比{number}击败{ORG:city}[，{PER}打进一球|]。
{LOC:city}[明天|今天|]{weather}，{LOC:city}也一样。
{PER:surname}{title}[昨天|{DATE:weekday}|]去了{LOC}。
{PER:surname}{title}和{PER:surname}{title}在{ORG}[见面|开会|吃饭]。
老{PER:surname}和小{PER:surname}都在{ORG}上班。
马上就到{LOC}了，{PER}说。
{PER}马上就来。
平安就好，{PER}[在信里|]这样写道。
祝{PER:given}一路平安！
{ORG:brand}的股价[在{DATE:month}|{DATE:weekday}|]下跌了百分之{percent}。
他吃了{number}个苹果，又喝了小米粥。
苹果和小米都涨价了，{job}说。
{ORG:brand}和{ORG:brand}都在{LOC}开了店。
{LOC:province}的{good}很好吃。
{LOC:country}出口{good}，进口{good}。
我们都爱和平。
{PER:given}，你爱和平吗？
今天阳光很好，东方发白了。
太阳从东方升起，朝阳照在石头上。
高山和大河之间有一座王国。
高山上白雪很厚，{job}走不过去。
{PER}很高兴，因为{ORG}录取了她。
她今天不高兴，也不安静。
{ORG}的{job}{PER}[在{DATE}|]获奖。
{ORG}任命{PER}为{job}。
{LOC}的{event}[将在|于]{DATE}举行。
{DATE}，{LOC}和{LOC}之间通了火车。
从{LOC:city}到{LOC:city}的票价是{number}元。
{PER}、{PER}和{PER}参加了{LOC}的{event}。
分公司设在{LOC:city}、{LOC:city}、{LOC:city}等地。
出席的有{ORG}的{PER}、{ORG}的{PER}。
{ORG}与{ORG}[签了合同|结束了谈判|打起了官司]。
{LOC:country}总统[{DATE}|]抵达{LOC:city}。
{LOC:country}和{LOC:country}的会谈将在{LOC}举行。
据{ORG}报道，{LOC}[有{number}人|]受灾。
{DATE:full_year}毕业于{ORG}的{PER}现在是{job}。
这本书卖了{number}本，那本卖了1984本。
方便的时候给我打电话，周末也行。
{PER}，方便的时候来{LOC}吧。
周到的服务让{job}很满意。
建设城市要靠大家，{PER}说。
{ORG}的建设用了{number}年。
谁是{PER}？他在{ORG}做什么？
你去过{LOC}吗？{LOC}呢？
{LOC}[东|西|南|北]面是{LOC}。
{PER}的{job}叫{PER}。
成功不容易，向前走吧。
胜利了，大家都很高兴。
{PER}胜利了，{PER}输了。
他在{LOC}的{job}那里学了{number}年。
{event}推迟了，因为{weather}。
没有人知道{job}想要什么。
花园里有花，也有石头。
{PER}（{LOC:country}）得了金牌，{PER}（{LOC:country}）得了银牌。
{LOC:city}{DATE:month}{weather}，{LOC:city}{DATE:month}不。
亲爱的{PER:given}：{DATE:weekday}在{LOC}见！{PER:given}
{ORG}[{DATE}|]发布了新手机。
在{LOC:landmark}边，{PER}遇见了{PER:surname}{title}。
海洋里有鱼，田野里有牛。
黎明时分，{job}走进了田野。
安全第一，平安回家，{ORG}提醒大家。
明天是晴天，后天{weather}。
{LOC:city}人民热爱{LOC:city}。
{PER}给{PER}写信说，{LOC}的春天来了。
北方的冬天很长，南方的夏天很长。
"""

CHINESE = Grammar(NAMES, WORDS, FORMS, PATTERNS, by_character=True)
