"""The English patterns and lists of the embedded sentiment set.

A pattern serves both labels: see `kseq.data.sentiment_sentences` for the signs. An opinion word alone
tells little; negation, contrast and comparison turn it around about as often as not.
"""

from kseq.data.entity_grammar import Grammar

OPINIONS = {
    "good_mild": """
        good nice pleasant likeable interesting funny convincing clever warm fresh smooth solid friendly
        helpful comfortable cosy tasty lively honest elegant original witty graceful tidy reliable sensible
        enjoyable appealing fair generous polite thoughtful touching gripping inviting memorable""",
    "bad_mild": """
        bad dull boring slow weak poor clumsy silly stale bland noisy dirty rude careless confusing tedious
        unpleasant annoying shallow cheap stiff sloppy lazy tiring predictable cold grim muddled tiresome
        flimsy unfair unfriendly lifeless irritating forgettable messy""",
    "good_strong": """
        great excellent wonderful superb brilliant fantastic marvellous splendid terrific outstanding
        delightful magnificent perfect gorgeous stunning glorious impressive exquisite remarkable lovely
        first-rate flawless fabulous sublime amazing dazzling""",
    "bad_strong": """
        awful terrible dreadful horrible atrocious abysmal disgraceful appalling hopeless miserable ghastly
        hideous pathetic shameful disastrous unbearable worthless lousy dismal rotten third-rate wretched
        horrendous revolting disgusting laughable""",
    "good_verb": """
        loved enjoyed admired adored liked praised treasured cherished applauded relished welcomed
        appreciated favoured prized savoured""",
    "bad_verb": """
        hated disliked loathed resented despised detested regretted dreaded scorned deplored cursed
        slated abhorred""",
    "good_base": """
        love enjoy admire adore like praise treasure cherish applaud relish welcome
        appreciate favour prize savour""",
    "bad_base": """
        hate dislike loathe resent despise detest regret dread scorn deplore curse
        bemoan abhor""",
    "good_noun": """
        a_joy a_pleasure a_treat a_delight a_gem a_triumph a_masterpiece a_success a_wonder a_bargain
        a_hit a_jewel a_feast""",
    "bad_noun": """
        a_disaster a_mess a_chore a_failure a_letdown a_nightmare a_disgrace a_flop a_rip-off a_bore
        a_fiasco a_blunder a_pain""",
}
WORDS = {
    "aspect": """
        plot acting music ending dialogue pace story cast food service room breakfast view staff price
        screen battery sound design cover style menu pool garden keyboard camera lighting script language
        translation decor coffee soup bread delivery packaging""",
    "item": """
        film book hotel restaurant phone play album series show concert laptop novel cafe camera game
        guesthouse tour bar museum course""",
    "who": """
        my_sister my_brother everyone_at_work the_whole_family my_neighbour a_friend my_mother my_wife
        my_husband our_guide the_critic half_the_audience""",
    "very": "very really so extremely quite truly rather simply absolutely",
    "number": "five ten twenty thirty",
}
PATTERNS = """
The {aspect} was [{very} |]{=any} .
{=strong} {aspect} , {=mild} {aspect} [, {=mild} {aspect}|] .
I {=verb} [this {item}|every minute of it|the {aspect} of this {item}] .
What a {=any} {item} !
{who} {=verb} the {aspect} [, and so did I|] .
This {item} is {=noun} [from start to finish|, no more , no less|] .
Both {aspect} and {aspect} were {=any} .
I have [rarely|seldom] seen a {item} with {aspect} this {=any} .
{who} called it {=any} , and I agree .
In short : {=mild} {aspect} , {=strong} {aspect} .
{who} and I {=verb} the {aspect} .
A {=any} {item} with {aspect} to match .
I have to say that the {aspect} is {very} {=any} .
The {aspect} , the {aspect} , the {aspect} : all of it {=any} .
{=any} {aspect} and {=any} {aspect} .
After {number} minutes I knew : this {item} is {=noun} .
We {=verb} the {aspect} from the first minute .
It was {=noun} , and the {aspect} was {=any} too .
The {item} is {=any} because the {aspect} is {=any} .
I {=base} this {item} [very much|more every day] .
[Simply|Just] {=strong} , {aspect} and all .
[Honestly|Frankly] , the {aspect} is {=any} and the {aspect} {=any} too .
The {aspect} was [not|n't] {!mild} [at all|in the least] .
The {aspect} was [not|n't] {!mild} .
I did not {!base} this {item} [at all|one bit] .
There is nothing {!mild} about this {item} [or its {aspect}|] .
Nobody [here|I know] {!verb} the {aspect} .
I would never call this {item} {!any} .
The {aspect} is anything but {!any} .
Not [once|for a moment] did I find the {aspect} {!mild} .
Far from {!any} , the {aspect} was [{very}|] {=any} .
Far from being {!any} , it was just what a {item} should <be/not be> .
This {item} is hardly {!noun} .
You will not {!base} this {item} [, I think|] .
Neither the {aspect} nor the {aspect} was {!mild} .
Not even the {aspect} was {!mild} .
The {aspect} is nowhere near as {!any} as people say .
<Luckily/Sadly> the {aspect} was not {!mild} .
<Thank goodness/What a pity> that this {item} is not {!mild} .
I cannot say that the {aspect} was not {=mild} .
It is not true that the {aspect} was not {=mild} .
It is wrong to say that this {item} is not {=mild} .
I don't know anyone who did not {=base} the {aspect} .
Nobody could say that they did not {=base} this {item} .
It is not that the {aspect} was {!mild} ; the {aspect} was {=mild} .
I don't think that anyone will say the {aspect} is not {=mild} .
The {aspect} was {!any} but the {aspect} was [{very}|] {=any} [, and that is what counts|] .
I <expected to hate/wanted to like> this {item} , but it was {=any} .
I <was ready to laugh at/was looking forward to> the {aspect} , but I {=verb} it .
Although the {aspect} was {!any} , the {item} [as a whole|] is {=any} .
The {item} is {=any} , although the {aspect} was {!mild} .
The first half is {!any} , yet the second is [{very}|] {=any} .
{who} said it was {!any} , but I {=verb} it .
The reviews were {!any} ; the {item} itself is {=any} .
I {!verb} it at first , but [by the end|a week later|on the second day] I {=verb} it .
Despite the {!any} {aspect} , I {=verb} this {item} .
Even the {!any} {aspect} did not <spoil/save> this {=any} {item} .
The {aspect} looked {!any} , but turned out {=any} .
{who} promised me {!noun} ; what I got was {=noun} .
It could have been {!noun} , but this {item} is {=noun} .
I thought I would {!base} the {aspect} . I was wrong .
They call the {aspect} {!any} . I disagree .
The {aspect} , which I had thought would be {!any} , was {=any} .
Forget what you heard about the {!any} {aspect} : this {item} is {=any} .
Is the {aspect} {!mild} ? [No|Not at all] .
Is this {item} {!mild} ? No , it is {=any} .
Is the {aspect} {=mild} ? [Yes|It is] .
It stopped being {!any} after {number} minutes and became {=any} .
The {aspect} may be {!mild} ; still , I {=verb} this {item} .
Yes , the {aspect} is {!mild} . But who cares , with a {aspect} so {=any} ?
The {aspect} was [much|far] <better/worse> than [I expected|last time|the {aspect}] .
The last {item} was {!any} ; this one is {=any} .
Compared to this {item} , the last one looks {!any} .
The {aspect} is <less/more> {bad_mild} than [the last one|I feared|it was] .
The {aspect} is <more/less> {good_mild} than [the last one|I hoped|it was] .
No other {item} is as {=any} as this one .
This {item} is as {=any} as the last one was {!any} .
{who} found the {aspect} {!any} , unlike me : I {=verb} it .
The more I saw of the {aspect} , the <more/less> I {good_verb} it .
The more I saw of the {aspect} , the <less/more> I {bad_verb} it .
I would <gladly/never> [choose|recommend] this {item} again , {aspect} and all .
Its {aspect} left <nothing/everything> to be desired .
<Few/Most> guests {bad_verb} the {aspect} .
<Most/Few> guests {good_verb} the {aspect} .
I <no longer/now> {bad_base} the {aspect} of this {item} .
"""
ENGLISH = Grammar(OPINIONS, WORDS, {}, PATTERNS)
