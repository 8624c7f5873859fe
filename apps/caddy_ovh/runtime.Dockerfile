# The official image with another program in it: the same version of Caddy, and the module. go.sum has a hash of every module.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum main.go ./
RUN CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w" -o /caddy .
FROM caddy:2.11.4-alpine
COPY --from=build /caddy /usr/bin/caddy
# As the official image has it; a copy loses it.
RUN setcap cap_net_bind_service=+ep /usr/bin/caddy
