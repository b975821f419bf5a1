package report

import (
	"fmt"
	"strconv"
	"time"
)

// words are the texts of a report, by language and then by their English form.
var words = map[string]map[string]string{
	"de": {
		"Visits of": "Einsätze vom", "Technicians": "Techniker", "Customers": "Kunden", "Refused on phones": "Am Telefon Abgelehntes",
		"Start": "Beginn", "End": "Ende", "Number": "Nummer", "Customer": "Kunde", "Technician": "Techniker", "Subject": "Betreff", "Status": "Status",
		"Planned": "Geplant", "Spent": "Dauer", "Visits": "Einsätze", "Done": "Erledigt", "Services": "Leistungen", "Work and material": "Leistungen, Material", "Materials": "Material",
		"Time": "Zeit", "Visit": "Einsatz", "Command": "Befehl", "Reason": "Grund", "Total": "Summe", "Page": "Seite", "of": "von", "Made": "Erstellt",
		"No visits on this day.": "Keine Einsätze an diesem Tag.", "Nothing was refused.": "Nichts wurde abgelehnt.",
		"The rest is in the CSV report.": "Der Rest steht im CSV-Bericht.", "There are more visits than a report has.": "Es gibt mehr Einsätze, als ein Bericht fasst.",
		"start": "Beginn", "note": "Notiz", "service": "Leistung", "material": "Material", "signature": "Unterschrift", "finish": "Abschluss", "reopen": "Wiederaufnahme", "file": "Datei",
	},
	"bg": {
		"Visits of": "Посещения на", "Technicians": "Техници", "Customers": "Клиенти", "Refused on phones": "Отказано от телефони",
		"Start": "Начало", "End": "Край", "Number": "Номер", "Customer": "Клиент", "Technician": "Техник", "Subject": "Относно", "Status": "Статус",
		"Planned": "План", "Spent": "Реално", "Visits": "Посещения", "Done": "Изпълнени", "Services": "Услуги", "Work and material": "Услуги и материали", "Materials": "Материали",
		"Time": "Час", "Visit": "Посещение", "Command": "Команда", "Reason": "Причина", "Total": "Общо", "Page": "Страница", "of": "от", "Made": "Съставен",
		"No visits on this day.": "Няма посещения в този ден.", "Nothing was refused.": "Нищо не е отказано.",
		"The rest is in the CSV report.": "Останалото е в справката CSV.", "There are more visits than a report has.": "Посещенията са повече, отколкото справката побира.",
		"start": "начало", "note": "бележка", "service": "услуга", "material": "материал", "signature": "подпис", "finish": "приключване", "reopen": "подновяване", "file": "файл",
	},
}

// commands are what commands are called.
var commands = map[string]string{
	"visit.start": "start", "note": "note", "service.add": "service", "material.add": "material", "sign": "signature", "finish": "finish",
	"reopen": "reopen", "file.attach": "file",
}

// speaker says texts in a language.
type speaker string

func (s speaker) say(text string) string {
	if said := words[string(s)][text]; said != "" {
		return said
	}
	return text
}

func (s speaker) command(kind string) string {
	if name := commands[kind]; name != "" {
		return s.say(name)
	}
	return kind
}

// date is a day as people of the language write it.
func (s speaker) date(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	switch {
	case err != nil:
		return day
	case s == "de" || s == "bg":
		return t.Format("02.01.2006")
	}
	return t.Format("2 January 2006")
}

// span is a duration in hours and minutes.
func span(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	minutes := int64(d.Round(time.Minute) / time.Minute)
	return fmt.Sprintf("%d:%02d", minutes/60, minutes%60)
}

func count(n int) string { return strconv.Itoa(n) }
