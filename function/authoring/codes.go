package authoring

// Codes of what can be wrong with a desired state, and between it and the
// directory. Package repair has the others.
const (
	codeSyntax        = "AM401" // HCL that cannot be parsed or evaluated
	codeUnknownWord   = "AM402" // HCL that Atlas would read over
	codeUnsayable     = "AM403" // what the library cannot do with HCL
	codeNotRunning    = "AM404" // a desired state that does not run
	codeNoState       = "AM405" // there is none
	codeDisagree      = "AM430" // schema/ and the directory
	codeReplay        = "AM431" // the directory does not run from empty
	codeRunsAgain     = "AM432" // it is not over after it ran
	codeReplayDiffers = "AM433" // from what is seen
)
