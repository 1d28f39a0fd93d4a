package postgres

// HasNews is what decides whether a pooled connection is pinged before use.
var HasNews = hasNews
