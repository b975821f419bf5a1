package cloud

// FileName is for its test.
var FileName = fileName
