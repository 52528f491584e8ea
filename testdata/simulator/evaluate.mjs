// Reads {policy, principal, action, role, account, context} as JSON lines and
// answers each with a JSON line: the verdict of the independent simulator
// (Allowed, ImplicitlyDenied or ExplicitlyDenied), the condition keys that it
// ignored because it does not know them, and its errors.
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

for await (const line of createInterface({ input: process.stdin })) {
  const { policy, principal, action, role, account, context } = JSON.parse(line)
  const response = await runSimulation({
    request: {
      principal,
      action,
      resource: { resource: role, accountId: account },
      contextVariables: context,
    },
    identityPolicies: [],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: policy,
  }, {})
  console.log(JSON.stringify({
    verdict: response.overallResult ?? '',
    ignored: response.result?.ignoredContextKeys ?? [],
    errors: response.errors ? JSON.stringify(response.errors) : '',
  }))
}
