package internalapi

import "net/url"

// Headers of the channel.
const (
	// HeaderChannelKey carries the shared channel key; see [ChannelKey].
	HeaderChannelKey = "Tandem-Channel-Key"
	// HeaderEvidence carries the fresh ID token of the person who asks.
	HeaderEvidence = "Tandem-Evidence"
)

// Paths of the worker's internal API. Those that end in "/" are followed by an
// id, and in some cases by one of the tails below.
const (
	PathJobs            = "/internal/jobs"
	PathJob             = "/internal/jobs/"
	PathImports         = "/internal/imports"
	PathSchedules       = "/internal/schedules"
	PathSchedule        = "/internal/schedules/"
	PathPortalOrders    = "/internal/portal/orders"
	PathPortalOrder     = "/internal/portal/orders/"
	PathPortalInvoices  = "/internal/portal/invoices"
	PathPortalInvoice   = "/internal/portal/invoices/"
	PathPortalShipments = "/internal/portal/shipments"
	PathPortalShipment  = "/internal/portal/shipments/"
	PathPortalTickets   = "/internal/portal/tickets"
	PathPortalTicket    = "/internal/portal/tickets/"
	PathPortalObjects   = "/internal/portal/objects"
	PathPortalCustomer  = "/internal/portal/customer"
	PathStock           = "/internal/stock"
	PathStatus          = "/internal/status"

	TailEvents = "/events"
	TailReport = "/report"
	TailFile   = "/file"
	TailCancel = "/cancel"
	TailEdit   = "/edit"
	TailPause  = "/pause"
	TailResume = "/resume"
	TailRun    = "/run"

	TailPDF      = "/pdf"
	TailReceived = "/received"
	TailAddress  = "/address"
	TailPhotos   = "/photos"
	TailFiles    = "/files"
)

// Limits of the internal API.
const (
	// MaxPage is the most rows of one page; DefaultPage is what a query
	// without Top gets.
	MaxPage, DefaultPage = 200, 50
	// MaxUpload is the most bytes of all files of one import together.
	MaxUpload = 200 << 20
	// MaxUploadFiles is the most files of one import.
	MaxUploadFiles = 50
	// MaxSearch is the longest search text, in bytes.
	MaxSearch = 200
)

func under(path, id, tail string) string { return path + url.PathEscape(id) + tail }
