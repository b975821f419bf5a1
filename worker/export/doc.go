// Package export is the job that writes the sales orders of a period to a file
// that people download: CSV or a workbook.
//
// It owns what is in the file. It does not own the file once it is written, nor
// who may have it; see packages jobs and worker.
package export
