// Package wire makes the connections under the HTTP library safe: what it lets through, what it takes for a whole body, and how long and
// how much it waits. It knows neither the library nor the API.
//
// Promises. Requests on whose borders two readers could disagree are refused (CheckFraming). A body that ends is whole: the end of a
// connection inside it is an error (Body). A body is bounded in bytes, in growth when it is compressed, and in time by the pace at which
// it comes; all bodies in memory are bounded together (Memory). A client that is refused while it sends still gets its answer
// (Conn.Close). Errors for callers are *problem.Problem.
//
// A Listener and a Memory are safe for concurrent use; a Conn, a Body and a Buffer belong to the goroutine that serves the connection.
//
// The library is fasthttp v1.74.0, and the comments name what of it each guard is for. Sources: RFC 9112 §6, §9.6, §11.2.
package wire
