// Package words has the languages that the platform's pages speak: English, German and
// Bulgarian. The English text is its own key, so that templates and code read as what
// people see; the others are in de.yaml and bg.yaml, a line for each text. A text that
// is missing there is said in English, and a test finds it.
//
// It owns no page and no date or number: those are written the same in all languages.
package words
