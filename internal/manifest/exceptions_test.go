package manifest

var suiteExceptions = map[string]exception{}

var ownExceptions = map[string]exception{}
