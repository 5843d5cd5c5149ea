package metadata

// ReadPayload is Read without the signature.
var ReadPayload = readPayload
