package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// partitions are the groups of AWS regions that have an IAM of their own, as
// the AWS SDKs list them.
func partitions() []string {
	return []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"}
}

// parseARN splits an ARN and checks what is common to all: the partition and,
// where there is one, the account. The example is shown to who wrote no ARN.
func parseARN(value, example string) (arn.ARN, error) {
	if err := checkPlain(value); err != nil {
		return arn.ARN{}, err
	}
	a, err := arn.Parse(value)
	if err != nil {
		return arn.ARN{}, fmt.Errorf("%s is not an ARN: write it like %s", quote(value), example)
	}
	if !slices.Contains(partitions(), a.Partition) {
		return arn.ARN{}, fmt.Errorf("%s is in no partition of AWS%s: it is one of %s",
			quote(value), didYouMean(a.Partition, partitions()), strings.Join(partitions(), ", "))
	}
	if a.AccountID != "" && !isAccount(a.AccountID) {
		return arn.ARN{}, fmt.Errorf("%s has the account %s: an account is twelve digits", quote(value), quote(a.AccountID))
	}
	return a, nil
}

// isAccount reports whether the text is an AWS account ID: twelve digits.
func isAccount(id string) bool {
	_, strange := stranger(id, isDigit)
	return len(id) == 12 && !strange
}

// checkIAM refuses ARNs that are not of IAM: those have no region, and the
// account stands in them.
func checkIAM(value string, a arn.ARN, example string) error {
	switch {
	case a.Service != "iam":
		return fmt.Errorf("%s is an ARN of %s, not of iam: write it like %s", quote(value), quote(a.Service), example)
	case a.Region != "":
		return fmt.Errorf("%s has the region %s: IAM has none, write it like %s", quote(value), quote(a.Region), example)
	case a.AccountID == "":
		return fmt.Errorf("%s has no account: write it like %s", quote(value), example)
	}
	return nil
}
