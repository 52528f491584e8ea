// Reads {trust, permissions, session, principal, action, resource, account, context} as JSON
// lines and answers each with a JSON line: the verdict of the independent simulator
// (Allowed, ImplicitlyDenied or ExplicitlyDenied), the condition keys that it
// ignored because it does not know them, and its errors. trust is the policy of the
// resource, a role; permissions are the policies of the principal, and session is the policy
// of its session.
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

for await (const line of createInterface({ input: process.stdin })) {
  const { trust, permissions, session, principal, action, resource, account, context } = JSON.parse(line)
  const response = await runSimulation({
    request: {
      principal,
      action,
      resource: { resource, accountId: account },
      contextVariables: context,
    },
    identityPolicies: (permissions ?? []).map((policy, i) => ({ name: `policy-${i}`, policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: trust,
    sessionPolicy: session,
  }, {})
  console.log(JSON.stringify({
    verdict: response.overallResult ?? '',
    ignored: response.result?.ignoredContextKeys ?? [],
    errors: response.errors ? JSON.stringify(response.errors) : '',
  }))
}
