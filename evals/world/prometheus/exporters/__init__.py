"""The exporters of the pretend cluster: kube-state-metrics, cAdvisor, service endpoints and `up`.

Names and labels are those of the real exporters (kube-state-metrics ``docs/metrics``, cAdvisor by way of the
kubelet), so an alert rule written for a real cluster works here. What never enters: a series
that does not follow from an object or from what a container uses.
"""
