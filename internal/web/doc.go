// Package web is the page: what a person sees who opens the server's address in a
// browser.
//
// A [Site] answers GET requests with HTML, made of templates and assets that are in the
// binary. All that it knows it asks the API for, through a connection; the context of a
// request carries what its calls take along, such as the caller's key, so that pages
// are admitted, and refused, as the API's other callers are. Every view has an address
// that can be shared, and works without a script; the script adds results while typing
// and keys.
//
// Text of papers is never markup: templates escape it, formulas go through package
// formula, and addresses become links only if they are http or https. The
// Content-Security-Policy allows no script and no style but the two files that are
// served beside the pages.
//
// Concurrency: a Site is safe for concurrent use.
//
// Caveats: the host of requests is checked, answers are compressed, and X-Forwarded-Proto
// is taken away from whom it is not believed, by whoever mounts the site.
package web
