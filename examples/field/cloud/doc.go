// Package cloud is the back end of the field app: an API that phones call with access
// tokens that are for it alone, and the jobs behind it.
//
// It keeps the commands of devices in order and books each once into the ERP, with the
// service's own token and the name of the person whom it acts for. Whose visit may be
// changed is decided here (rules.go) and again by the ERP. See the README beside it.
package cloud
