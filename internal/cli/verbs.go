package cli

// verb is a command and what it does, in a line.
type verb struct{ name, short string }

// liveVerbs are the commands that speak to a cluster or an AWS account.
var liveVerbs = []verb{
	{"discover", "List the control planes and their host namespaces, and what told of each"},
	{"init", "Write a config from what the account and the cluster say"},
	{"plan", "Show the difference between the config and AWS, and change nothing"},
	{"apply", "Carry out the difference between the config and AWS, after a yes"},
	{"verify", "Check the whole chain for each control plane, from annotation to credentials in the pod"},
	{"restart", "Restart only the workloads whose pods run without their identity"},
}
