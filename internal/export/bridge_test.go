package export

// ObjectName is for the tests in package export_test.
var ObjectName = objectName
