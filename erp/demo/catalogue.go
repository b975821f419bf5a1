package demo

// What Dravena sells. A family is one article in several variants; each
// variant is a product. Texts are English=German=Bulgarian, or one text that
// all languages share.

type family struct {
	name     string
	unit     string
	cents    int64 // price of the first variant
	step     int64 // percent that each further variant costs more
	variants string
}

type group struct {
	code, name string
	weight     float64 // share of the order lines
	season     *season
	families   []family
}

// season is how well something sells in each month, January first.
type season [12]float64

var (
	steady = &season{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	summer = &season{.4, .6, 1, 1.4, 1.8, 1.8, 1.5, 1.1, .8, .5, .4, .7}
	winter = &season{1.5, 1.2, .9, .7, .5, .4, .4, .6, 1, 1.5, 1.8, 1.9}
	garden = &season{.4, .7, 1.6, 1.8, 1.5, 1.1, .9, .9, 1.2, 1.2, .7, .3}
)

const (
	sizesSML  = "S|M|L|XL"
	colours   = "green=grün=зелено|sand=sand=пясък|blue=blau=синьо"
	personsTo = "1 person=1 Person=за един|2 persons=2 Personen=за двама|3 persons=3 Personen=за трима|4 persons=4 Personen=за четирима"
)

func catalogue() map[string][]group {
	return map[string][]group{"OUT": outdoor(), "WRK": workshop()}
}

func outdoor() []group {
	return []group{
		{"TENT", "Tents & shelters=Zelte & Planen=Палатки и навеси", .8, summer, []family{
			{"Tent \"Musala\"=Zelt „Musala“=Палатка „Мусала“", "pcs", 11900, 28, personsTo},
			{"Tunnel tent \"Drava\"=Tunnelzelt „Drava“=Тунелна палатка „Драва“", "pcs", 24900, 22, "3 m|4 m|5 m|6 m"},
			{"Tarp \"Nest\"=Tarp „Nest“=Платнище „Гнездо“", "pcs", 4490, 25, "3 × 3 m|3 × 4 m|4 × 4 m|4 × 6 m"},
			{"Wind shelter \"Bora\"=Windschutz „Bora“=Ветробран „Бора“", "pcs", 3890, 0, colours},
			{"Groundsheet=Zeltunterlage=Подложка за палатка", "pcs", 1790, 20, "140 × 220 cm|200 × 220 cm|260 × 300 cm"},
			{"Tent peg, steel=Zelthering, Stahl=Колче за палатка, стомана", "pcs", 45, 30, "18 cm|23 cm|30 cm|40 cm"},
			{"Guy line with runner=Abspannleine mit Spanner=Обтяжка с регулатор", "pcs", 290, 35, "3 m|5 m|10 m"},
		}},
		{"SLEE", "Sleeping bags & mats=Schlafsäcke & Matten=Спални чували и постелки", .8, summer, []family{
			{"Sleeping bag \"Kestrel\"=Schlafsack „Kestrel“=Спален чувал „Ветрушка“", "pcs", 6990, 30, "+10 °C|+5 °C|0 °C|−7 °C|−15 °C"},
			{"Down bag \"Marmot Brook\"=Daunenschlafsack „Murmelbach“=Пухен чувал „Мармот“", "pcs", 21900, 18, "M|L|XL"},
			{"Foam mat, folding=Faltmatte=Сгъваема постелка", "pcs", 1690, 25, "8 mm|12 mm|18 mm"},
			{"Self-inflating mat=Selbstaufblasende Matte=Самонадуваема постелка", "pcs", 3990, 25, "3 cm|5 cm|8 cm"},
			{"Hammock, cotton=Hängematte, Baumwolle=Хамак, памук", "pcs", 2990, 0, colours},
			{"Camp pillow=Campingkissen=Къмпинг възглавница", "pcs", 990, 20, "S|M"},
			{"Wool blanket \"Rhodope\"=Wolldecke „Rhodopen“=Вълнено одеяло „Родопи“", "pcs", 5490, 25, "130 × 200 cm|150 × 210 cm|200 × 220 cm"},
			{"Silk liner=Seiden-Inlett=Копринена подложка", "pcs", 3490, 20, "single=einzeln=единична|double=doppelt=двойна"},
		}},
		{"PACK", "Rucksacks & bags=Rucksäcke & Taschen=Раници и чанти", .9, summer, []family{
			{"Rucksack \"Pirin\"=Rucksack „Pirin“=Раница „Пирин“", "pcs", 5990, 22, "22 l|30 l|45 l|60 l|75 l"},
			{"Daypack \"Finch\"=Tagesrucksack „Fink“=Дневна раница „Чинка“", "pcs", 2790, 0, colours},
			{"Roll-top dry bag=Packsack, wasserdicht=Водонепроницаем чувал", "pcs", 990, 30, "5 l|10 l|20 l|40 l|60 l"},
			{"Duffel, waxed canvas=Reisetasche, gewachstes Segeltuch=Сак, восъчен брезент", "pcs", 7490, 20, "35 l|55 l|80 l"},
			{"Rain cover=Regenhülle=Дъждобран за раница", "pcs", 890, 20, sizesSML},
			{"Compression strap, pair=Kompressionsriemen, Paar=Стягащ ремък, чифт", "pair", 690, 20, "60 cm|100 cm|150 cm"},
			{"Hip bag=Hüfttasche=Чанта за кръст", "pcs", 1590, 25, "2 l|4 l"},
		}},
		{"COOK", "Camp cooking=Campingküche=Къмпинг кухня", 1, summer, []family{
			{"Spirit stove, brass=Spirituskocher, Messing=Спиртник, месинг", "pcs", 2490, 40, "S|L"},
			{"Gas stove \"Ember\"=Gaskocher „Glut“=Газов котлон „Жарава“", "pcs", 3290, 45,
				"1-burner=1-flammig=с една горелка|2-burner=2-flammig=с две горелки"},
			{"Gas cartridge=Gaskartusche=Газов пълнител", "pcs", 420, 40, "110 g|230 g|450 g"},
			{"Pot set, stainless=Topfset, Edelstahl=Комплект тенджери, инокс", "pcs", 3490, 30,
				"2-part=2-teilig=2 части|4-part=4-teilig=4 части|6-part=6-teilig=6 части"},
			{"Enamel mug=Emailletasse=Емайлирана чаша", "pcs", 490, 0, colours},
			{"Vacuum flask=Isolierflasche=Термос", "pcs", 1690, 20, "0.35 l|0.5 l|0.75 l|1 l"},
			{"Water carrier, folding=Faltkanister=Сгъваема туба за вода", "pcs", 790, 30, "5 l|10 l|15 l"},
			{"Folding grill=Klappgrill=Сгъваема скара", "pcs", 2990, 35, "30 × 40 cm|40 × 60 cm"},
			{"Firewood, beech=Brennholz, Buche=Дърва за огрев, бук", "kg", 55, 0, "split=gespalten=цепени|kindling=Anzündholz=подпалки"},
			{"Cutlery set \"3 in 1\"=Besteck „3 in 1“=Прибори „3 в 1“", "pcs", 790, 60, "steel=Stahl=стомана|titanium=Titan=титан"},
		}},
		{"LAMP", "Lamps & power=Lampen & Strom=Фенери и захранване", .9, winter, []family{
			{"Head torch \"Lynx\"=Stirnlampe „Luchs“=Челник „Рис“", "pcs", 1990, 45, "200 lm|400 lm|800 lm|1200 lm"},
			{"Lantern, LED=Laterne, LED=Фенер, LED", "pcs", 1890, 40, "250 lm|500 lm|1000 lm"},
			{"Paraffin lamp=Petroleumlampe=Газена лампа", "pcs", 2290, 0, "red=rot=червена|green=grün=зелена|black=schwarz=черна"},
			{"Battery, alkaline, 4 pcs=Batterie, Alkaline, 4 Stk.=Батерия, алкална, 4 бр.", "pcs", 290, 40, "AAA|AA|C|D"},
			{"Power bank=Powerbank=Външна батерия", "pcs", 2490, 55, "5,000 mAh|10,000 mAh|20,000 mAh"},
			{"Solar panel, folding=Solarpanel, faltbar=Сгъваем соларен панел", "pcs", 6990, 60, "14 W|28 W|60 W|120 W"},
			{"Work light, tripod=Arbeitsleuchte, Stativ=Работен прожектор, статив", "pcs", 4990, 50, "30 W|50 W|100 W"},
			{"Spare mantle=Ersatzstrumpf=Резервен фитил", "pcs", 190, 20, "150 cp|250 cp"},
		}},
		{"ROPE", "Ropes & climbing=Seile & Klettern=Въжета и катерене", .8, summer, []family{
			{"Static rope=Statikseil=Статично въже", "m", 145, 15, "9 mm|10 mm|10.5 mm|11 mm"},
			{"Accessory cord=Reepschnur=Помощен шнур", "m", 55, 25, "3 mm|4 mm|5 mm|6 mm|7 mm"},
			{"Carabiner, screw gate=Karabiner, Schraubverschluss=Карабинер с муфа", "pcs", 890, 20, "D|HMS|oval=oval=овален"},
			{"Harness \"Chamois\"=Klettergurt „Gams“=Седалка „Дива коза“", "pcs", 5490, 0, sizesSML},
			{"Helmet \"Walnut\"=Helm „Walnuss“=Каска „Орех“", "pcs", 4990, 0, "white=weiß=бяла|orange=orange=оранжева"},
			{"Sling, sewn=Bandschlinge=Лентов примкар", "pcs", 490, 25, "60 cm|120 cm|240 cm"},
			{"Pulley=Seilrolle=Ролка", "pcs", 1890, 40, "20 mm|40 mm"},
			{"Gaiters, pair=Gamaschen, Paar=Гети, чифт", "pair", 2290, 0, "M|L"},
		}},
	}
}

func workshop() []group {
	return []group{
		{"HAND", "Hand tools=Handwerkzeug=Ръчни инструменти", 1.5, steady, []family{
			{"Claw hammer, ash=Klauenhammer, Esche=Дърводелски чук, ясен", "pcs", 1490, 18, "300 g|450 g|600 g"},
			{"Chisel, beech handle=Stechbeitel, Buchenheft=Длето, букова дръжка", "pcs", 890, 10, "6 mm|12 mm|18 mm|24 mm|32 mm"},
			{"Screwdriver=Schraubendreher=Отвертка", "pcs", 390, 12, "PH1|PH2|PZ2|TX20|TX25"},
			{"Spanner set, 12 pcs=Schraubenschlüsselsatz, 12-tlg.=Комплект ключове, 12 бр.", "pcs", 3990, 35,
				"metric=metrisch=метричен|inch=Zoll=инчов"},
			{"Hand saw \"Carp\"=Fuchsschwanz „Karpfen“=Трион „Шаран“", "pcs", 1690, 15, "400 mm|500 mm|550 mm"},
			{"Clamp, quick-release=Schnellspannzwinge=Бърза стяга", "pcs", 990, 25, "150 mm|300 mm|450 mm|600 mm|900 mm"},
			{"Tape measure=Maßband=Ролетка", "pcs", 490, 40, "3 m|5 m|8 m"},
			{"Spirit level=Wasserwaage=Нивелир", "pcs", 1290, 30, "40 cm|60 cm|100 cm"},
		}},
		{"POWR", "Power tools=Elektrowerkzeug=Електроинструменти", .9, steady, []family{
			{"Cordless drill \"DR\"=Akkuschrauber „DR“=Акумулаторен винтоверт „DR“", "pcs", 8990, 35, "12 V|18 V|36 V"},
			{"Battery pack=Akku=Акумулаторна батерия", "pcs", 4490, 30, "2 Ah|4 Ah|6 Ah|8 Ah"},
			{"Angle grinder=Winkelschleifer=Ъглошлайф", "pcs", 5990, 35, "115 mm|125 mm|230 mm"},
			{"Jigsaw=Stichsäge=Прободен трион", "pcs", 7490, 30, "550 W|750 W"},
			{"Belt sander=Bandschleifer=Лентов шлайф", "pcs", 9990, 25, "75 × 457 mm|100 × 610 mm"},
			{"Drill bit, HSS=Spiralbohrer, HSS=Свредло, HSS", "pcs", 145, 22, "3 mm|4 mm|5 mm|6 mm|8 mm|10 mm"},
			{"Cutting disc=Trennscheibe=Диск за рязане", "pcs", 115, 30, "115 mm|125 mm|230 mm"},
			{"Extension reel=Kabeltrommel=Макара с удължител", "pcs", 3490, 40, "15 m|25 m|50 m"},
		}},
		{"FAST", "Fasteners=Befestigung=Крепежни елементи", 2, steady, []family{
			{"Wood screw, TX=Holzschraube, TX=Винт за дърво, TX", "pcs", 6, 25, "4 × 40|4 × 60|5 × 80|6 × 100|8 × 160"},
			{"Hex bolt DIN 933=Sechskantschraube DIN 933=Болт DIN 933", "pcs", 14, 35, "M6 × 30|M8 × 40|M10 × 50|M12 × 60|M16 × 80"},
			{"Hex nut DIN 934=Sechskantmutter DIN 934=Гайка DIN 934", "pcs", 4, 40, "M6|M8|M10|M12|M16"},
			{"Washer DIN 125=Scheibe DIN 125=Шайба DIN 125", "pcs", 3, 30, "M6|M8|M10|M12"},
			{"Wall plug, nylon=Dübel, Nylon=Дюбел, найлон", "pcs", 5, 30, "6 mm|8 mm|10 mm|12 mm"},
			{"Nail, galvanised=Nagel, verzinkt=Пирон, поцинкован", "kg", 390, 5, "50 mm|70 mm|100 mm"},
			{"Cable tie, 100 pcs=Kabelbinder, 100 Stk.=Кабелна превръзка, 100 бр.", "pcs", 290, 35, "200 mm|300 mm"},
		}},
		{"PROT", "Work safety=Arbeitsschutz=Защитни средства", 1.3, steady, []family{
			{"Work gloves, goatskin=Arbeitshandschuhe, Ziegenleder=Работни ръкавици, козя кожа", "pair", 590, 0, "8|9|10|11"},
			{"Winter gloves, lined=Winterhandschuhe, gefüttert=Зимни ръкавици, подплатени", "pair", 890, 0, "9|10|11"},
			{"Safety shoes \"Badger\" S3=Sicherheitsschuhe „Dachs“ S3=Защитни обувки „Язовец“ S3", "pair", 6490, 0, "39|40|41|42|43|44|45"},
			{"Ear defenders=Kapselgehörschutz=Антифони", "pcs", 1490, 30, "27 dB|31 dB"},
			{"Safety glasses=Schutzbrille=Защитни очила", "pcs", 490, 20, "clear=klar=прозрачни|tinted=getönt=тъмни"},
			{"High-visibility vest=Warnweste=Светлоотразителна жилетка", "pcs", 390, 0, sizesSML},
			{"Dust mask, 10 pcs=Atemschutzmaske, 10 Stk.=Противопрахова маска, 10 бр.", "pcs", 990, 45, "FFP1|FFP2|FFP3"},
		}},
		{"GARD", "Garden & forest=Garten & Forst=Градина и гора", 1, garden, []family{
			{"Felling axe \"Boyana\"=Fällaxt „Bojana“=Брадва „Бояна“", "pcs", 3990, 25, "1000 g|1400 g|1800 g"},
			{"Splitting wedge=Spaltkeil=Клин за цепене", "pcs", 1490, 30, "1.5 kg|2.5 kg"},
			{"Pruning saw, folding=Klappsäge=Сгъваем градинарски трион", "pcs", 1890, 20, "180 mm|240 mm"},
			{"Secateurs=Gartenschere=Лозарска ножица", "pcs", 1690, 35, "18 cm|22 cm"},
			{"Spade, forged=Spaten, geschmiedet=Права лопата, кована", "pcs", 2490, 15, "ash=Esche=ясен|steel=Stahl=стомана"},
			{"Garden hose=Gartenschlauch=Градински маркуч", "m", 120, 35, "1/2\"|3/4\"|1\""},
			{"Snow shovel=Schneeschaufel=Лопата за сняг", "pcs", 1990, 20, "45 cm|55 cm"},
			{"Jute sack=Jutesack=Ютен чувал", "pcs", 190, 30, "25 kg|50 kg"},
			{"Chainsaw chain=Sägekette=Верига за моторен трион", "pcs", 1590, 12, "30 cm|35 cm|40 cm|45 cm"},
			{"Fence wire, 2 mm=Zaundraht, 2 mm=Тел за ограда, 2 mm", "kg", 290, 15, "galvanised=verzinkt=поцинкована|green=grün=зелена"},
		}},
		{"PAIN", "Paints, oils & glues=Farben, Öle & Kleber=Бои, масла и лепила", 1.1, garden, []family{
			{"Linseed oil=Leinöl=Ленено масло", "l", 890, 8, "raw=roh=сурово|boiled=gekocht=варено"},
			{"Wood stain=Holzlasur=Лазур за дърво", "l", 1290, 0, "oak=Eiche=дъб|walnut=Nuss=орех|larch=Lärche=лиственица|teak=Teak=тик"},
			{"Chain oil, biological=Sägekettenöl, biologisch=Масло за вериги, биоразградимо", "l", 590, 10, "ISO VG 68|ISO VG 100"},
			{"Wood glue=Holzleim=Лепило за дърво", "kg", 690, 20, "D2|D3|D4"},
			{"Rust remover=Rostlöser=Препарат против ръжда", "pcs", 590, 30, "200 ml|400 ml"},
			{"Beeswax polish=Bienenwachspolitur=Пчелен восък за мебели", "pcs", 890, 40, "250 ml|500 ml"},
			{"Flat brush=Flachpinsel=Плоска четка", "pcs", 240, 25, "25 mm|40 mm|60 mm|80 mm"},
			{"Sandpaper, 10 sheets=Schleifpapier, 10 Bogen=Шкурка, 10 листа", "pcs", 390, 0, "P60|P80|P120|P180|P240"},
			{"Silicone=Silikon=Силикон", "pcs", 490, 0, "clear=transparent=прозрачен|white=weiß=бял"},
		}},
	}
}
