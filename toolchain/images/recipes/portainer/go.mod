module homeport/rehearsal/portainer

go 1.22
