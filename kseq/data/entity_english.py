"""The English patterns and lists of the embedded entity set.

Many a name stands in several lists, and as an ordinary word in the patterns: only the context tells.
"""

from kseq.data.entity_grammar import Grammar

NAMES = {
    "given": """
        Jordan Will May April June August Mark Grace Hope Rose Bill Frank Art Faith Joy Dawn Iris Lily Penny
        Summer Austin Florence Sydney Paris Chelsea Madison Charlotte Victoria Georgia Virginia Savannah Chad
        Kenya Israel Lincoln Jackson Brooklyn Chester Dallas Denver Carter Hunter Mason Carol Drew Sandy Rob
        Pat Jack Gene Ray Dean Earl Duke Miles Rusty Woody Olive Ruby Amber Pearl Jasmine Daisy Ivy Heather
        Holly Violet Anna Maria Elena Sofia Ingrid Aisha Fatima Priya Mei Yuki Hana Chloe Emma Olivia Nora
        Lucia Carmen Ines Zara Leila Amara Ngozi Thandi Helga Birgit Astrid Freya David Daniel Thomas Peter
        Paul Simon Hugo Oscar Felix Leo Omar Hassan Ali Ravi Arjun Kenji Hiroshi Wei Jun Pablo Diego Luis
        Mateo Ivan Boris Dmitri Pavel Lars Sven Erik Kofi Kwame Tariq Yusuf Samuel Joseph Walter Henry""",
    "surname": """
        Washington Lincoln Jackson Houston Hamilton Wellington Darwin Jordan London York Lancaster Kent
        Chester Bolton Preston Stafford Bradford Hull Burton Ashby Sutton Baker Cook Smith Mason Carter
        Hunter Young Brown White Green Black Gray King Page Price Bush Wood Stone Rivers Field Banks Ford
        Bell Bond Cross Fox Wolf Lamb Swift Sharp Short Long Rich Noble Best Day Weeks Winter Frost Snow
        Hall Park Lake Hill Marsh Brook Bridges Church Temple Abbott Bishop Pope Knight Squire Archer Fisher
        Taylor Potter Miller Weaver Turner Porter Cooper Parker Shepherd Gardner Singer Butler Clark Marshall
        Major May Johnson Williams Jones Davis Wilson Anderson Thompson Martinez Garcia Lopez Gonzalez
        Rodriguez Hernandez Perez Silva Santos Costa Pereira Rossi Russo Ferrari Bianchi Muller Schmidt
        Schneider Fischer Weber Wagner Becker Hoffmann Novak Kowalski Nowak Ivanov Petrov Sokolov Popov Kim
        Lee Choi Chen Wang Zhang Liu Tanaka Suzuki Sato Yamamoto Singh Patel Sharma Gupta Khan Ahmed Hussain
        Rahman Okafor Adeyemi Mensah Nkosi Diallo Haddad Nasser Cohen Levy Hansen Nielsen Larsen Johansson
        Lindberg Virtanen Murphy O'Brien Kelly Walsh MacDonald Campbell Stewart Evans Hughes Morgan""",
    "city": """
        Washington Lincoln Jackson Houston Hamilton Wellington Darwin London York Lancaster Chester Bolton
        Preston Stafford Bradford Hull Austin Florence Sydney Paris Chelsea Madison Charlotte Victoria
        Savannah Brooklyn Dallas Denver Reading Bath Mobile Nice Split Orange Cork Deal Sale Rugby Buffalo
        Phoenix Sandwich Battle Crook Street Rye Wells Boulder Eugene Aurora Cardiff Leeds Norwich Exeter
        Lisbon Porto Madrid Seville Lyon Marseille Toulouse Berlin Hamburg Munich Dresden Vienna Graz Zurich
        Geneva Basel Milan Turin Naples Palermo Rome Athens Sofia Bucharest Belgrade Zagreb Warsaw Krakow
        Gdansk Prague Brno Oslo Bergen Stockholm Malmo Helsinki Tampere Copenhagen Riga Vilnius Kyiv Odesa
        Istanbul Ankara Beirut Amman Cairo Tunis Lagos Accra Nairobi Mombasa Kampala Durban Cape_Town
        Mumbai Delhi Chennai Kolkata Karachi Lahore Dhaka Bangkok Hanoi Manila Jakarta Singapore Seoul Busan
        Tokyo Osaka Kyoto Beijing Shanghai Shenzhen Taipei Melbourne Perth Auckland New_York Boston Chicago
        San_Diego Salt_Lake_City Los_Angeles Toronto Montreal Havana Lima Bogota Santiago Buenos_Aires""",
    "country": """
        Jordan Chad Kenya Israel Georgia Turkey China Japan India Pakistan Nepal Vietnam Thailand Malaysia
        Indonesia Australia New_Zealand Fiji Canada Mexico Cuba Jamaica Brazil Argentina Chile Peru Colombia
        Ecuador Bolivia Guinea Ghana Nigeria Mali Niger Senegal Morocco Egypt Sudan Ethiopia Uganda Rwanda
        Angola Zambia South_Africa Spain Portugal France Belgium the_Netherlands Germany Poland Greece Hungary
        Romania Bulgaria Norway Sweden Finland Iceland Ireland Scotland Wales England Ukraine Lebanon""",
    "region": """
        Kent Virginia Georgia Washington Victoria Carolina Texas Ohio Oregon Montana Dakota Maine Devon Essex
        Cornwall Bavaria Saxony Tuscany Sicily Brittany Normandy Catalonia Galicia Silesia Punjab Kerala
        Gujarat Bengal Hokkaido Sichuan Yunnan Queensland Tasmania Ontario Quebec Alberta the_Sahara
        the_Balkans the_Midlands the_Alps the_Andes""",
    "brand": """
        Apple Shell Target Gap Orange Amazon Visa Oracle Sprint Square Stripe Slack Zoom Ford Subway Delta
        Dove Puma Jaguar Next Boots Virgin Giant Crown Focus Summit Anchor Compass Beacon Falcon Pioneer
        Veltrix Norvane Quantiva Solenta Ambrix Zephora Kelmar Ostrava_Motors Brightwell Halcyon Meridian
        Tessaro Vantor Lumenis Corvia Pallado Redfern Starling Evergreen Blackrock Silverline Northgate""",
    "acronym": """
        UNESCO NATO FIFA UEFA OPEC WHO IMF BBC CNN IBM BMW HSBC NASA OECD UNICEF ASEAN WTO ILO FAO ESA CERN
        RSPCA MIT UCLA KLM SAP BASF NEC TDK LG""",
    "field": """
        Health Finance Defence Justice Education Trade Agriculture Energy Labour Transport Culture Science
        Tourism Fisheries Housing Forestry Medicine Economics Law Design Music Engineering Mining""",
    "paper": """
        Times Post Herald Guardian Star Sun Mirror Mail Globe Gazette Tribune Observer Courier Echo Argus""",
    "year": " ".join(str(year) for year in range(1948, 2032)),
}
WORDS = {
    "month": "January February March April May June July August September October November December",
    "weekday": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "day": " ".join(str(day) for day in range(1, 32)),
    "number": "2 3 4 5 7 9 12 15 20 36 48 60 75 90 110 250 400 1984 1999 2012 2020",
    "score": "0 1 2 3 4 5 6",
    "direction": "Northern Southern Eastern Western Central National Royal United First General",
    "trade": """
        Steel Rail Foods Motors Airlines Insurance Textiles Brewing Shipping Media Energy Water Gas Electric
        Timber Mining Pharma Software Telecom Construction Paper Glass Chemicals Films Records Toys""",
    "suffix": "Ltd Inc Corp Group Holdings plc Co Partners GmbH Industries",
    "club": "United City Rovers Wanderers Athletic Albion Town Tigers Bears Hawks",
    "shop": "Kitchen Garage Bakery Flowers Books Diner Cafe",
    "job": """
        teacher baker cook carpenter lawyer engineer striker goalkeeper spokesman spokeswoman minister judge
        surgeon nurse pilot farmer painter pianist novelist mechanic accountant researcher captain editor""",
    "good": "apples oranges timber steel shells bread roses turkeys wine glass phones bolts boots stone",
    "thing": "a_shell some_boots an_orange a_dove a_compass a_crown an_anchor a_target",
    "weather": "rain snow frost fog hail wind",
    "event": "conference election trial strike festival concert wedding earthquake summit merger inquiry",
    "percent": "2 3 4 6 8 11 14 19 23 31",
    "title": "Mr Mrs Ms Dr Professor Sir Judge President Captain Senator",
}
FORMS = {
    "person": """
        {given} {surname}
        {given} {surname}
        {given} {surname}
        {given} [A|B|C|J|M|R] . {surname}
        {given} {surname}-{surname}
        {given}
        {surname}""",
    "place": """
        {city}
        {city}
        {city}
        {country}
        {country}
        {region}
        [Lake|Mount|Port|Fort|Cape] {surname}
        {surname} [Street|Road|Avenue|Bridge|Park|Island]
        {city} [Airport|Castle|Harbour|Cathedral|Station]
        [North|South|East|West] {city}
        St {given} 's Square""",
    "street": """
        {surname} [Street|Road|Avenue]
        {given} [Lane|Street]
        {city} Road""",
    "organisation": """
        {city} {trade} {suffix}
        {surname} {trade} {suffix}
        {direction} {trade} [of {country}|{suffix}]
        {surname} & Sons
        {surname} and {surname}
        University of {city}
        {city} University
        {city} {club}
        {city} {club}
        Bank of {country}
        {city} City Council
        {given} {surname} Foundation
        {surname} School of {field}
        {city} Museum of {field}
        [Ministry|Department] of {field}
        {given} 's {shop}
        the {city} {paper}
        {brand}
        {brand}
        {brand}
        {brand} {suffix}
        {brand} {trade}
        {acronym}
        {acronym}""",
    "dateline": "{month} {day}",
    "date": """
        {day} {month} {year}
        {month} {day} , {year}
        {month} {day}
        {day} {month}
        {month} {year}
        {month}
        {year}
        {year}
        {weekday}
        {weekday} , {month} {day}
        the [spring|summer|autumn|winter] of {year}""",
}
PATTERNS = """
[On {DATE} ,|In {DATE:year} ,|] {PER} joined {ORG} [in {LOC}|] [as a {job}|] .
{PER} , a {job} from {LOC} , [has left|will leave|left] {ORG} [in {DATE:month}|] .
{PER} was born in {LOC} on {DATE} .
{PER:given} flew from {LOC} to {LOC:country} [on {DATE:weekday}|] .
{ORG} said on {DATE:weekday} that it would close its {LOC} plant .
{ORG:city} beat {ORG:city} {score} - {score} [on {DATE:weekday}|] .
{PER:surname} beat {PER:surname} in [the final|straight sets|the second round] [on {DATE:weekday}|in {LOC}|] .
{PER:surname} scored twice as {ORG:city} beat {ORG:city} [at home|away|] .
{ORG:city} sign {job} {PER} from {ORG:city} .
Floods hit {LOC:city} [and {LOC:city}|] , and {weather} is expected in {LOC:region} by {DATE:weekday} .
[The {job}|The mayor] of {LOC:city} , {PER} , met {PER:surname} in {LOC} .
{title} {PER:surname} [met|thanked|sued|married] {title} {PER:surname} in {DATE} .
{title} {PER} of {ORG} spoke at the {event} in {LOC:city} .
Will {PER:given} come to {LOC} in {DATE:month} ?
May I ask when {PER} arrives from {LOC} ?
May {PER:given} and {PER:given} take the train to {LOC:city} ?
It may {weather} in {LOC:city} on {DATE:weekday} , {PER:given} said .
{PER:given} may go to {LOC} in {DATE:month} .
{PER:given} will mark the papers and {PER:given} will bill {ORG} .
Mark the date : the {event} in {LOC} begins on {DATE} .
The price of {good} rose by {percent} percent in {DATE:month} .
{PER:given} rose and thanked the {job} .
Rose prices rose in {LOC:country} , but {good} were cheap .
Hope is not a plan , the {job} said .
There is hope for {ORG} after {DATE} .
{PER:given} has hope , {PER:given} has none .
The bill was paid in {DATE:month} by {ORG} .
The bill that {PER:surname} signed in {LOC:city} was struck down .
Reading is good for you , says {PER} [of {ORG}|] .
She was reading in the bath while {PER:given} cooked turkey .
We had a nice time in {LOC:city} with {PER:given} and {PER:given} .
{PER:given} lives in {LOC:city} , and {PER:given} in {LOC:city} .
They eat turkey in {LOC:country} and drink {LOC:region} wine .
An apple a day keeps the {job} away .
He ate an apple , she bought {thing} , and nobody saw the {job} .
Shares of {ORG:brand} fell {percent} percent [on {DATE:weekday}|in {DATE:month}|] .
{ORG:brand} and {ORG:brand} [agreed to merge|ended their talks] on {DATE} .
The army will march to the river in {DATE:month} .
They march every {DATE:weekday} from {LOC} to {LOC} .
Orange is her favourite colour , and {good} are his trade .
The target of {number} was missed [again|in {DATE:month}|] .
The cork came off , the shell broke and the stone fell .
Sold : {number} {good} , {number} {good} , no returns .
The {job} sold {number} {good} in {number} days .
{PER:given} , {PER:given} and {PER:given} visited {LOC} , {LOC} and {LOC} .
Offices : {LOC:city} , {LOC:city} , {LOC:city} and {LOC:city} .
Present : {PER} ( {ORG} ) , {PER} ( {ORG} ) and {PER} .
{LOC:city} , {DATE:dateline} - {ORG} [raised|cut] its forecast [for {LOC:country}|] .
{PER} ( {LOC:country} ) won gold , {PER} ( {LOC:country} ) silver .
Police in {LOC} arrested a {job} [near {LOC}|] .
The {event} at {LOC} was called off because of {weather} .
I took the {number} bus from {LOC} to {LOC} .
{PER} , {number} , died in {LOC} on {DATE} .
A {job} at {ORG} , {PER} , won the {LOC:city} prize .
In {DATE} {ORG} opened its first shop in {LOC:country} .
Between {DATE:year} and {DATE:year} {ORG} built {number} ships in {LOC} .
Dear {PER:given} , see you in {LOC:city} on {DATE:weekday} ! {PER:given}
From {LOC} with love , your {PER:given} .
Does {ORG} still make {good} ?
Who is {PER} , and why did {ORG} hire her ?
" {PER:given} , call {PER:given} , " the {job} said .
She studied law at {ORG} before moving to {LOC} [in {DATE:year}|] .
He read the news in {ORG} on {DATE:weekday} .
{ORG} [named|appointed|fired] {PER} [as its chief {job}|] [on {DATE}|] .
{PER:surname} , who leads {ORG} , grew up in {LOC} .
The [president|king|ambassador] of {LOC:country} [arrived in|left] {LOC:city} [on {DATE}|] .
The king , the bishop and the knight are left on the board .
A baker , a cook and a {job} walk into a bar .
The young hunter crossed the long green field .
Snow fell on the hill , the lake and the church .
{PER:surname} fell on the hill near {LOC} .
{good} from {LOC:country} cost {number} dollars .
No {weather} today , no {weather} tomorrow .
The summer was short , the winter long .
In the summer {PER:given} works for {ORG} .
{PER:given} is a {job} ; {PER:given} works in {LOC:city} for {ORG:acronym} .
{ORG:acronym} warned {LOC:country} and {LOC:country} of a {event} .
Talks between {LOC:country} and {LOC:country} [resume|failed] on {DATE} .
The {event} between {ORG} and {ORG} ended on {DATE} .
{PER:given} {score} , {PER:given} {score} , draw .
{ORG:city} {score} {ORG:city} {score} [( {PER:surname} {number} )|] .
The {job} said who won , where and when .
Nobody knows what the {job} wants .
Please close the gap , then zoom in and square the corners .
Next , boots and shells go into the box ; {PER:given} will help .
{LOC:street} is a street ; {PER} is a {job} .
{LOC:city} 's {job} thanked {ORG} 's {job} {PER} .
{PER:given} 's flight to {LOC:city} leaves on {DATE} .
{DATE:month} is warm in {LOC:country} ; {DATE:month} is cold .
{PER:given} feels warm in {LOC:country} ; {PER:given} feels cold .
{ORG} sued {ORG} in a {LOC:city} court [in {DATE}|] .
Last year {number} {good} reached {LOC} by rail .
The {job} moved from {ORG} to {ORG} in {DATE:year} .
{PER} wrote to {PER} from {LOC} in {DATE} .
Will is a verb , will it be a name ?
{PER:given} is a name , {PER:given} too , and {LOC:city} is a town .
Tickets for {ORG:city} against {ORG:city} cost {number} pounds .
Tickets from {LOC:city} to {LOC:city} cost {number} pounds .
"""
ENGLISH = Grammar(NAMES, WORDS, FORMS, PATTERNS)
