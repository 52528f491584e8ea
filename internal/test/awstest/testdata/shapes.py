#!/usr/bin/env python3
"""Writes shapes.json: the part of AWS's API models that the test server uses.

botocore ships the models under the Apache License 2.0. The script reads the installed
botocore and needs no network. `make aws-shapes` installs the pinned version and runs it.
"""
import gzip
import json
import pathlib

import botocore

OPERATIONS = {
    "sts/2011-06-15": "AssumeRoleWithWebIdentity GetCallerIdentity",
    "iam/2010-05-08": """
        AddClientIDToOpenIDConnectProvider AttachRolePolicy CreateOpenIDConnectProvider CreateRole
        DeleteOpenIDConnectProvider DeleteRole DeleteRolePolicy DetachRolePolicy GetAccountSummary
        GetOpenIDConnectProvider GetPolicy GetPolicyVersion GetRole GetRolePolicy ListAttachedRolePolicies
        ListInstanceProfilesForRole ListRolePolicies ListRoles PutRolePermissionsBoundary PutRolePolicy
        TagOpenIDConnectProvider TagRole UntagRole UpdateAssumeRolePolicy UpdateRole""",
    "eks/2017-11-01": """
        CreateAddon CreatePodIdentityAssociation DeletePodIdentityAssociation DescribeAddon DescribeCluster
        DescribePodIdentityAssociation ListClusters ListPodIdentityAssociations TagResource
        UpdatePodIdentityAssociation""",
    "s3/2006-03-01": "DeleteObject HeadBucket ListObjectsV2 PutObject",
}
# What the test server checks. The rest, documentation above all, is left out.
KEPT = {"type", "required", "members", "member", "key", "value", "min", "max", "pattern", "enum",
        "shape", "location", "locationName", "flattened"}


def cut(node):
    """Returns a shape, or a reference to one, with only what is kept."""
    out = {k: v for k, v in node.items() if k in KEPT}
    for name in ("member", "key", "value"):
        if name in out:
            out[name] = cut(out[name])
    if "members" in out:
        out["members"] = {name: cut(member) for name, member in out["members"].items()}
    return out


def add(shapes, model, name):
    """Adds a shape and all that it refers to."""
    if name in shapes:
        return
    shapes[name] = shape = cut(model["shapes"][name])
    parts = list(shape.get("members", {}).values())
    for part in parts + [shape[k] for k in ("member", "key", "value") if k in shape]:
        add(shapes, model, part["shape"])


def service(model, names):
    """Returns the named operations of a service and their shapes."""
    operations, shapes = {}, {}
    for name in names:
        operation = model["operations"][name]
        http = operation["http"]
        out = operations[name] = {"method": http["method"], "path": http["requestUri"], "errors": {}}
        for side in ("input", "output"):
            if side in operation:
                out[side] = operation[side]["shape"]
                add(shapes, model, out[side])
        for error in operation.get("errors", []):
            answer = model["shapes"][error["shape"]].get("error", {})
            out["errors"][answer.get("code", error["shape"])] = answer.get("httpStatusCode", 404)
    return {"operations": operations, "shapes": shapes}


def main():
    data = pathlib.Path(botocore.__file__).parent / "data"
    services = {}
    for path, names in OPERATIONS.items():
        model = json.loads(gzip.decompress((data / path / "service-2.json.gz").read_bytes()))
        services[path.split("/")[0]] = service(model, sorted(names.split()))
    lines = ['{"source": "botocore %s", "license": "Apache License 2.0, Copyright Amazon.com, Inc. or its affiliates",'
             % botocore.__version__, '"services": {']
    for i, (name, parts) in enumerate(services.items()):
        lines.append('%s"%s": {' % ("," if i else "", name))
        for j, part in enumerate(("operations", "shapes")):
            lines.append('%s"%s": {' % ("," if j else "", part))
            entries = ['"%s": %s' % (k, json.dumps(v)) for k, v in sorted(parts[part].items())]
            lines += [e + "," for e in entries[:-1]] + [entries[-1], "}"]
        lines.append("}")
    lines.append("}}")
    pathlib.Path(__file__).with_name("shapes.json").write_text("\n".join(lines) + "\n")


main()
