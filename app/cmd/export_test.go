package cmd

// LineEncoder is that of the log.
var LineEncoder = jsonEncoder

// OwnAddressOf takes the names and interfaces of a test.
var OwnAddressOf = ownAddressOf

// ForgetStartCode is what Run does once it serves.
var ForgetStartCode = forgetStartCode
