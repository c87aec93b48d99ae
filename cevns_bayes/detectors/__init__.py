"""From recoils to expected counts: detector effects, responses, time shapes, morphing."""
