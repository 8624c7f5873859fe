# What a person types: each target is a verb of bin/homeport. `make` alone lists the targets.
# STACK is dev, preprod or prod: make preview STACK=prod
SHELL := /bin/sh
.DEFAULT_GOAL := help
STACK ?= dev
ARGS ?=
PRESET ?= jett
ENV ?= prod
RUN := @sh homeport/cli/run.sh
HOMEPORT := @sh bin/homeport
# Whoever reads may stop before the end (make status | head); 141 is what a verb ends with then.
READ := || [ $$? = 141 ]

.PHONY: help up down deploy-prod smoke verify preview status credentials repair report env shell engine images export rehearse rehearse-down rehearse-destroy rehearse-shell check unit test test-long bench requirements docs format
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

up: ## bring the stack up: Python, Docker, engine, images, then pulumi up
	$(HOMEPORT) up --stack $(STACK) $(ARGS)
down: ## remove the stack: pulumi destroy, then a check that nothing is left
	$(HOMEPORT) down --stack $(STACK) $(ARGS)
preview: ## show what `up` would change
	$(HOMEPORT) preview --stack $(STACK) $(ARGS) $(READ)
deploy-prod: ## production: preview, a question that only yes answers, the update, then the smoke tests
	$(HOMEPORT) up --stack prod $(ARGS)
	$(HOMEPORT) smoke --stack prod
smoke: ## ask every address once, as a member of the mesh or VPN where this machine is one
	$(HOMEPORT) smoke --stack $(STACK) $(ARGS)
verify: ## compare what is up with its description: addresses, certificates, DNS, ports, containers; changes nothing
	$(HOMEPORT) verify --stack $(STACK) $(ARGS)
status: ## table of services, health and addresses
	$(HOMEPORT) status --stack $(STACK) $(ARGS) $(READ)
credentials: ## where to sign in and as whom; ARGS=--show for the passwords and keys too
	$(HOMEPORT) credentials --stack $(STACK) $(ARGS) $(READ)
repair: ## after a killed run: clear what it left half-done (make up does it by itself)
	$(HOMEPORT) repair --stack $(STACK) $(ARGS)
report: ## which engine, plugins and images are in use, and why
	$(HOMEPORT) report --stack $(STACK) $(ARGS) $(READ)
env: ## print the environment for plain `pulumi`: eval "$(make -s env)"
	$(HOMEPORT) env
shell: ## a shell in which plain `pulumi` works
	$(HOMEPORT) shell
engine: ## fetch or build the Pulumi engine
	$(HOMEPORT) engine
images: ## pull or build the stack's images
	$(HOMEPORT) images --stack $(STACK) --ensure $(ARGS)
export: ## write the stack as files for docker compose: make export ARGS="--to out"
	$(HOMEPORT) export --stack $(STACK) $(ARGS)

rehearse: ## stand production up on emulated clouds: make rehearse PRESET=jett ENV=prod
	$(HOMEPORT) rehearse --preset $(PRESET) --env $(ENV) --distribution '$(DISTRIBUTION)' $(ARGS)
rehearse-down: ## remove the rehearsal
	$(HOMEPORT) rehearse-down --preset $(PRESET) --env $(ENV) --distribution '$(DISTRIBUTION)'
rehearse-destroy: ## pulumi destroy of the rehearsed stack; the world stays
	$(HOMEPORT) rehearse-destroy --preset $(PRESET) --env $(ENV) --distribution '$(DISTRIBUTION)'
rehearse-shell: ## a shell in which plain `pulumi` works on the rehearsal
	$(HOMEPORT) rehearse-shell --preset $(PRESET) --env $(ENV) --distribution '$(DISTRIBUTION)'

check: ## style, types and unit tests, in seconds
	$(HOMEPORT) check
unit: ## unit tests alone
	$(HOMEPORT) test unit
test: ## everything: check, unit, Docker, and the whole program on this machine's Docker
	$(HOMEPORT) test
test-long: ## what takes many minutes: campaigns of kills, the mesh
	$(HOMEPORT) test long
bench: ## measure beside docker compose and Ansible
	$(RUN) python -m bench $(ARGS)
requirements: ## rows of docs/requirements.toml, and which have neither a proof nor a reason
	$(HOMEPORT) requirements $(ARGS) $(READ)
docs: ## write the generated pages below docs/
	$(HOMEPORT) docs $(ARGS)
format: ## let ruff format and correct the code
	$(RUN) ruff format . && sh homeport/cli/run.sh ruff check --fix .
