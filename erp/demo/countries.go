package demo

// Where the customers are, and what firms there are called. All firms and
// people are made up; e-mail addresses end in .example, which nobody owns.

// place is a town: English=German=Bulgarian name, and a postal code.
type place struct{ name, post string }

// firm is the pattern of a name: %s is a family name. local is the name in the
// country's own script where that is not Latin.
type firm struct{ name, local, form string }

type country struct {
	code      string
	company   int // index of ours that serves it
	companies int // how many customers it has
	currency  string
	vat       string // # is a digit
	local     string // language of the local names
	places    []place
	streets   []string
	families  []string // Latin=local
	firms     []firm
}

const euro = "EUR"

func countries() []country {
	return []country{
		{"BG", 0, 34, euro, "BG9########", "BG",
			[]place{{"Sofia=Sofia=София", "1000"}, {"Plovdiv=Plowdiw=Пловдив", "4000"}, {"Varna=Warna=Варна", "9000"},
				{"Burgas=Burgas=Бургас", "8000"}, {"Ruse=Russe=Русе", "7000"}, {"Bansko=Bansko=Банско", "2770"}, {"Smolyan=Smoljan=Смолян", "4700"},
				{"Gabrovo=Gabrowo=Габрово", "5300"}, {"Veliko Tarnovo=Weliko Tarnowo=Велико Търново", "5000"},
				{"Blagoevgrad=Blagoewgrad=Благоевград", "2700"}},
			[]string{"ul. Orehova", "bul. Shipka", "ul. Tsar Asen", "ul. Morska", "ul. Zanayatchiyska"},
			[]string{"Kolev=Колев", "Dimitrov=Димитров", "Stoyanov=Стоянов", "Yankov=Янков", "Hadzhiev=Хаджиев", "Velichkov=Величков",
				"Tsanev=Цанев", "Radev=Радев", "Manolov=Манолов", "Zhelyazkov=Желязков", "Shopov=Шопов", "Grozev=Грозев"},
			[]firm{{"Planinar – %s EOOD", "Планинар – %s ЕООД", "EOOD"}, {"ET \"%s – Zhelezaria\"", "ЕТ „%s – Железария“", "ET"},
				{"%s & Sinove OOD", "%s и синове ООД", "OOD"}, {"Orlovo Gnezdo %s OOD", "Орлово гнездо %s ООД", "OOD"},
				{"Maystor %s EOOD", "Майстор %s ЕООД", "EOOD"}, {"%s Instrument AD", "%s Инструмент АД", "AD"}}},
		{"DE", 1, 18, euro, "DE9########", "",
			[]place{{"Munich=München=Мюнхен", "80331"}, {"Leipzig=Leipzig=Лайпциг", "04109"}, {"Kempten=Kempten=Кемптен", "87435"},
				{"Cologne=Köln=Кьолн", "50667"}, {"Goslar=Goslar=Гослар", "38640"}, {"Würzburg=Würzburg=Вюрцбург", "97070"}},
			[]string{"Lindenweg", "Mühlgasse", "Schmiedestraße", "An der Böschung"},
			[]string{"Köster", "Bärwald", "Hufnagel", "Weiß", "Tännchen", "Brüggemann", "Ostermüller", "Kröger"},
			[]firm{{"Bergladen %s GmbH", "", "GmbH"}, {"Eisenwaren %s & Söhne KG", "", "KG"}, {"%s, Werkzeug & Garten OHG", "", "OHG"},
				{"Wanderhaus %s e. K.", "", "e. K."}}},
		{"AT", 1, 12, euro, "ATU9#######", "",
			[]place{{"Innsbruck=Innsbruck=Инсбрук", "6020"}, {"Vienna=Wien=Виена", "1010"}, {"Graz=Graz=Грац", "8010"},
				{"Salzburg=Salzburg=Залцбург", "5020"}, {"Villach=Villach=Филах", "9500"}},
			[]string{"Hauptplatz", "Kirchengasse", "Am Lendkanal"},
			[]string{"Lechner", "Pöltl", "Zirbenegger", "Moosbrugger", "Grünauer", "Stöckl"},
			[]firm{{"Gipfel & Faden %s GmbH", "", "GmbH"}, {"%s Holz- und Eisenhandel OG", "", "OG"}, {"Almzeug %s e. U.", "", "e. U."}}},
		{"RO", 0, 10, "RON", "RO9#######", "",
			[]place{{"Brașov=Kronstadt=Брашов", "500001"}, {"Cluj-Napoca=Klausenburg=Клуж-Напока", "400001"},
				{"Timișoara=Temeswar=Тимишоара", "300001"}, {"Constanța=Konstanza=Констанца", "900001"}},
			[]string{"Str. Fântânii", "Bd. Teilor", "Str. Meșterilor"},
			[]string{"Țepeneag", "Bălan", "Ștefănescu", "Mureșan", "Dănilă"},
			[]firm{{"Drumeția %s SRL", "", "SRL"}, {"Fierăria %s & Fiii SRL", "", "SRL"}, {"Munte și Unelte %s SA", "", "SA"}}},
		{"CZ", 1, 7, "CZK", "CZ9#######", "",
			[]place{{"Brno=Brünn=Бърно", "602 00"}, {"Liberec=Reichenberg=Либерец", "460 01"}, {"Olomouc=Olmütz=Оломоуц", "779 00"}},
			[]string{"Květinová", "Na Příkopě", "Dlouhá"},
			[]string{"Dvořáček", "Křížek", "Šustr", "Hůlka"},
			[]firm{{"Nářadí %s, s.r.o.", "", "s.r.o."}, {"Turista %s, a.s.", "", "a.s."}}},
		{"HU", 1, 5, euro, "HU9#######", "",
			[]place{{"Győr=Raab=Гьор", "9021"}, {"Pécs=Fünfkirchen=Печ", "7621"}, {"Eger=Erlau=Егер", "3300"}},
			[]string{"Petőfi utca", "Tölgyfa köz"},
			[]string{"Szőke", "Bükkösi", "Fűzfa", "Ördögh"},
			[]firm{{"%s Szerszám Kft.", "", "Kft."}, {"Hegyi %s és Társa Bt.", "", "Bt."}}},
		{"SI", 1, 5, euro, "SI9#######", "",
			[]place{{"Ljubljana=Laibach=Любляна", "1000"}, {"Kranj=Krainburg=Кран", "4000"}, {"Maribor=Marburg=Марибор", "2000"}},
			[]string{"Cesta pod gozdom", "Mlinska ulica"},
			[]string{"Žgajnar", "Kočevar", "Šuštarič", "Hribernik"},
			[]firm{{"\"Vrh\" %s, d.o.o.", "", "d.o.o."}, {"Železnina %s, s.p.", "", "s.p."}}},
		{"HR", 1, 5, euro, "HR9##########", "",
			[]place{{"Zagreb=Agram=Загреб", "10000"}, {"Rijeka=Rijeka=Риека", "51000"}, {"Osijek=Esseg=Осиек", "31000"}},
			[]string{"Ulica lipa", "Kovačka ulica"},
			[]string{"Horvatić", "Grgić", "Županović", "Ćurić"},
			[]firm{{"Alatnica %s d.o.o.", "", "d.o.o."}, {"Bura %s j.d.o.o.", "", "j.d.o.o."}}},
		{"GR", 0, 4, euro, "EL9########", "EL",
			[]place{{"Thessaloniki=Thessaloniki=Солун", "546 24"}, {"Ioannina=Ioannina=Янина", "452 21"}},
			[]string{"Odos Platanou", "Odos Olympou"},
			[]string{"Karras=Καρράς", "Psyllos=Ψύλλος", "Vournas=Βουρνάς"},
			[]firm{{"Oreivatiki %s E.E.", "Ορειβατική %s Ε.Ε.", "E.E."}, {"%s Ergaleia A.E.", "%s Εργαλεία Α.Ε.", "A.E."}}},
		{"PL", 1, 4, "PLN", "PL9#########", "",
			[]place{{"Zakopane=Zakopane=Закопане", "34-500"}, {"Łódź=Lodz=Лодз", "90-001"}},
			[]string{"ul. Świerkowa", "ul. Źródlana"},
			[]string{"Ślusarczyk", "Żółtowski", "Kłos", "Gąsienica"},
			[]firm{{"Szlak %s sp. z o.o.", "", "sp. z o.o."}, {"Hurtownia %s i Wspólnicy sp.j.", "", "sp.j."}}},
		{"CH", 1, 2, "CHF", "CHE9########", "",
			[]place{{"Chur=Chur=Кур", "7000"}, {"Zurich=Zürich=Цюрих", "8001"}},
			[]string{"Im Bächli", "Obergasse"},
			[]string{"Caflisch", "Zürcher", "Rüegg"},
			[]firm{{"%s Bergbedarf AG", "", "AG"}, {"Chäsli & %s GmbH", "", "GmbH"}}},
		{"GB", 1, 2, "GBP", "GB9########", "",
			[]place{{"Keswick=Keswick=Кезик", "CA12"}, {"Sheffield=Sheffield=Шефилд", "S1"}},
			[]string{"Mill Lane", "Weir Street"},
			[]string{"O'Hara", "Thistlewood", "Braithwaite-Fell"},
			[]firm{{"%s & Daughters, Ltd", "", "Ltd"}, {"The %s Tool Company Ltd", "", "Ltd"}}},
	}
}

// person is a customer who is no company: names as Latin=Bulgarian.
type person struct {
	first, last string
	gender      int64 // 0 male, 1 female
	born        string
	country     string
	title       string
}

func persons() []person {
	return []person{
		{"Elena=Елена", "Todorova=Тодорова", 1, "1978-03-14", "BG", ""},
		{"Georgi=Георги", "Mitev=Митев", 0, "1965-11-02", "BG", ""},
		{"Nevena=Невена", "Karadzhova=Караджова", 1, "1990-07-21", "BG", "Dr."},
		{"Hristo=Христо", "Pashov=Пашов", 0, "1984-01-30", "BG", ""},
		{"Jürgen", "Büchner", 0, "1959-05-05", "DE", "Dipl.-Ing."},
		{"Annegret", "Schäfer-Löwe", 1, "1971-12-09", "DE", ""},
		{"Veit", "Kranebitter", 0, "1988-09-17", "AT", ""},
		{"Žofie", "Nováčková", 1, "1993-04-26", "CZ", ""},
		{"Ioana", "Crăciun", 1, "1982-08-08", "RO", ""},
		{"Matjaž", "Kovačič", 0, "1975-02-11", "SI", ""},
		{"Siobhán", "O'Dowd", 1, "1969-10-31", "GB", ""},
		{"Małgorzata", "Wójcik", 1, "1986-06-19", "PL", ""},
	}
}

// staff are our own people, responsible for orders.
func staff() []person {
	return []person{
		{"Borislav=Борислав", "Kerelezov=Керелезов", 0, "1972-06-01", "BG", ""},
		{"Mila=Мила", "Stanimirova=Станимирова", 1, "1985-09-12", "BG", ""},
		{"Rumen=Румен", "Arnaudov=Арнаудов", 0, "1991-02-23", "BG", ""},
		{"Katharina", "Oberegger", 1, "1980-04-04", "AT", "Mag."},
		{"Tibor", "Fekete-Lang", 0, "1977-10-10", "AT", ""},
	}
}

type supplier struct{ name, city, form, supplies string }

func suppliers() []supplier {
	return []supplier{
		{"Kovachnitsa Zlatna EOOD=Ковачница Златна ЕООД", "Gabrovo=Gabrowo=Габрово", "EOOD", "Axes, spades and wedges"},
		{"Rodopska Valna OOD=Родопска вълна ООД", "Smolyan=Smoljan=Смолян", "OOD", "Wool blankets"},
		{"Zeltwerk Oberland GmbH", "Kempten=Kempten=Кемптен", "GmbH", "Tents and tarps"},
		{"Daunenmühle Hufnagel KG", "Goslar=Goslar=Гослар", "KG", "Sleeping bags"},
		{"Šroubárna Hůlka, s.r.o.", "Brno=Brünn=Бърно", "s.r.o.", "Screws, bolts, nuts"},
		{"Lampárna \"U Rysa\", s.r.o.", "Liberec=Reichenberg=Либерец", "s.r.o.", "Lamps and torches"},
		{"Frânghii Carpați SRL", "Brașov=Kronstadt=Брашов", "SRL", "Ropes and cords"},
		{"Zaščita Hribernik, d.o.o.", "Maribor=Marburg=Марибор", "d.o.o.", "Gloves, shoes, helmets"},
		{"Bojana Boje j.d.o.o.", "Osijek=Esseg=Осиек", "j.d.o.o.", "Stains, oils, glue"},
		{"Acél és Él Kft.", "Győr=Raab=Гьор", "Kft.", "Chisels, saws, blades"},
		{"Elektro-Narzędzia Kłos sp.j.", "Łódź=Lodz=Лодз", "sp.j.", "Power tools"},
		{"Plecak & Płótno sp. z o.o.", "Zakopane=Zakopane=Закопане", "sp. z o.o.", "Rucksacks and bags"},
		{"Braithwaite-Fell Brasswork Ltd", "Sheffield=Sheffield=Шефилд", "Ltd", "Spirit stoves, brass fittings"},
		{"Fornelli Bragadin S.r.l.", "Udine=Udine=Удине", "S.r.l.", "Gas stoves, cartridges"},
	}
}
